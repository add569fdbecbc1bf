import { setImmediate as turn } from 'node:timers/promises';
import { isNnrpError } from 'nnrp-core';
import { NnrpClient } from '../../../src/client/client.js';
import type { ClientOperation } from '../../../src/client/results/client-operation.js';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import type { ObjectTable } from '../../../src/connection/controls/object-table.js';
import type { NnrpServerSession, OperationContext } from '../../../src/server/contract/contract.js';
import type { NnrpServer } from '../../../src/server/server.js';
import type { PairGround } from './pair-ground.js';
import { IN_FLIGHT, type PairModel, type PairOperation, type PairSession, type Side } from './pair-model.js';
import type { PairNetwork } from './pair-network.js';

/** Milliseconds that both sides have to come to what the model says. */
const PATIENCE_MS = 2000;
/** What comes as an event to one of the sides alone, and is counted. */
const COUNTED = [
  'cacheReference',
  'cacheMiss',
  'traceContext',
  'degradeProfile',
  'routeHint',
  'executionHint',
  'recoverableError',
  'objectDeclare',
  'objectRef',
  'objectRelease',
  'objectDelta',
  'objectPatch',
];

/** An operation as its two sides have it. */
export class LiveOperation {
  readonly parts: string[] = [];
  readonly percents: number[] = [];
  /** How it has ended for the client: `result TEXT`, or the code of the error. */
  end: string | undefined;

  constructor(
    readonly client: ClientOperation,
    /** Undefined before the server has it. */
    public server: OperationContext | undefined,
  ) {
    void this.readResults();
    void this.readProgress();
  }

  private async readResults(): Promise<void> {
    let end = 'no last result';
    try {
      for await (const result of this.client) {
        if (result.partial) this.parts.push(result.text());
        else end = `result ${result.text()}`;
      }
    } catch (error) {
      end = isNnrpError(error) ? error.code : String(error);
    }
    this.end = end;
  }

  private async readProgress(): Promise<void> {
    for await (const { percent } of this.client.progress()) this.percents.push(percent ?? -1);
  }
}

export class LiveSession {
  readonly heard: Record<Side, Map<string, number>> = { client: new Map(), server: new Map() };

  constructor(
    readonly client: NnrpClientSession,
    readonly server: NnrpServerSession,
  ) {}

  hears(side: Side, type: string): void {
    const { [side]: heard } = this.heard;
    if (COUNTED.includes(type)) heard.set(type, (heard.get(type) ?? 0) + 1);
  }

  controls(side: Side) {
    return side === 'client' ? this.client.controls : this.server.controls;
  }
}

/** One server, and a client for each run, with a network between them that can be cut. */
export class PairWorld {
  readonly sessions = new Map<number, LiveSession>();
  readonly operations = new Map<string, LiveOperation>();
  readonly breaches: string[] = [];
  steps = 0;
  cuts = 0;
  private readonly served = new Map<bigint, NnrpServerSession>();
  private readonly submitted = new Map<string, OperationContext>();
  private client: NnrpClient | undefined;
  private resumes = 0;
  private readonly unhandled = (error: unknown) => void this.breaches.push(`unhandled: ${String(error)}`);

  private constructor(
    private readonly ground: PairGround,
    private readonly server: NnrpServer,
    private readonly network: PairNetwork,
    private readonly patienceMs: number,
  ) {
    process.on('unhandledRejection', this.unhandled);
  }

  static async create(ground: PairGround, patienceMs = PATIENCE_MS): Promise<PairWorld> {
    const server = await ground.bind({
      maxInFlightOperations: IN_FLIGHT,
      grantedOperationCredit: IN_FLIGHT,
      drainTimeoutMs: 0,
    });
    const world = new PairWorld(ground, server, await ground.network(server.localAddress), patienceMs);
    server.on('handlerFailure', () => {});
    server.on('internalError', (error) => void world.breaches.push(`server: ${String(error)}`));
    server.on('protocolViolation', ({ error }) => void world.breaches.push(`of the client: ${error.message}`));
    server.serve({
      submit: (operation) => world.work(operation),
      session: (session) => void world.served.set(session.clientOpen.clientSessionTag, session),
      event: ({ type }, session) => void world.liveOf(session)?.hears('server', type),
    });
    return world;
  }

  async begin(): Promise<void> {
    const connector = this.ground.connector(this.network);
    const client = await NnrpClient.connect(connector, { revision: 'preview4', reconnectBackoffMs: 1 });
    client.on('resumed', () => void this.resumes++);
    client.on('internalError', (error) => void this.breaches.push(`client: ${String(error)}`));
    client.on('protocolViolation', ({ error }) => void this.breaches.push(`of the server: ${error.message}`));
    client.on('stray', ({ message }) => void this.breaches.push(`stray ${message.name}`));
    this.client = client;
  }

  /** Ends a run. Nothing may be left of it. */
  async end(): Promise<void> {
    await this.client?.close({ inFlightPolicy: 1 }).catch(() => {});
    for (const map of [this.sessions, this.operations, this.served, this.submitted]) map.clear();
    const left = () => `${this.server.sessionCount} sessions, ${this.server.stats().runningOperations?.value} handlers`;
    await this.until(() => left() === '0 sessions, 0 handlers', left);
  }

  async close(): Promise<void> {
    process.off('unhandledRejection', this.unhandled);
    this.network.close();
    await this.server.close({ drainTimeoutMs: 0 });
  }

  async open(session: PairSession): Promise<void> {
    const tag = BigInt(session.name);
    const client = await (this.client as NnrpClient).openSession({
      clientSessionTag: tag,
      maxInFlightOperations: IN_FLIGHT,
      defaultDeadlineMs: 0,
    });
    await this.until(
      () => this.served.has(tag),
      () => `session ${tag} is not served`,
    );
    const live = new LiveSession(client, this.served.get(tag) as NnrpServerSession);
    this.sessions.set(session.name, live);
    void this.listen(live);
  }

  async submit({ name }: PairSession, operation: PairOperation, body: string): Promise<LiveOperation> {
    const { client } = this.sessions.get(name) as LiveSession;
    const started = await client.submit(`${operation.name} ${body}`, { operationId: operation.id });
    const live = new LiveOperation(started, undefined);
    this.operations.set(operation.name, live);
    return live;
  }

  /** The operation, which the server has. */
  async live({ name }: PairOperation): Promise<LiveOperation & { readonly server: OperationContext }> {
    const live = this.operations.get(name) as LiveOperation;
    await this.until(
      () => this.submitted.has(name),
      () => `operation ${name} is not served`,
    );
    live.server = this.submitted.get(name) as OperationContext;
    return live as LiveOperation & { readonly server: OperationContext };
  }

  /** The connection is lost, and the client has another one. */
  async cut(): Promise<void> {
    const due = this.resumes + 1;
    this.cuts++;
    this.network.cut();
    await this.until(
      () => this.resumes >= due && this.server.suspendedCount === 0,
      () => `${this.resumes} of ${due} resumed, ${this.server.suspendedCount} suspended`,
    );
  }

  /** @throws Error that says what the two sides are, and the model is not */
  async agree(model: PairModel): Promise<void> {
    this.steps++;
    const found = () => [...this.differences(model), ...this.breaches].join('; ');
    await this.until(() => found() === '', found);
  }

  async until(condition: () => boolean, describe: () => string): Promise<void> {
    const deadline = performance.now() + this.patienceMs;
    while (!condition()) {
      if (performance.now() > deadline || this.breaches.length > 0) throw new Error(describe());
      await turn();
    }
  }

  private *differences(model: PairModel): Iterable<string> {
    if (this.server.sessionCount !== model.open.length)
      yield `${this.server.sessionCount} sessions, wanted ${model.open.length}`;
    for (const session of model.sessions) {
      const { client, server, heard } = this.sessions.get(session.name) as LiveSession;
      for (const operation of session.operations) yield* this.ofOperation(operation);
      if (!session.isOpen) {
        if (client.state !== 'closed') yield `session ${session.name} is ${client.state}`;
        continue;
      }
      const counts = `${client.inFlightCount} and ${server.inFlightCount}`;
      const wanted = `${session.running.length} and ${session.running.length}`;
      if (counts !== wanted) yield `session ${session.name}: in flight ${counts}, wanted ${wanted}`;
      for (const side of ['client', 'server'] as const) {
        yield* unequal(`session ${session.name}, ${side} has heard`, [...heard[side]], [...session.heard[side]]);
        const { objects } = side === 'client' ? client.controls : server.controls;
        const wantedObjects = [...session.objects].map(
          ([id, { by, references, sequence }]) => `${id} ${by === side ? 'self' : 'peer'} ${references} ${sequence}`,
        );
        yield* unequal(`session ${session.name}, objects of the ${side}`, shown(objects), wantedObjects);
      }
    }
  }

  private *ofOperation(operation: PairOperation): Iterable<string> {
    const { name, ends, parts, percents, priority, tokens, runs, id } = operation;
    const live = this.operations.get(name) as LiveOperation;
    const { end, server, client } = live;
    if (client.id !== id) yield `${name} has the id ${client.id}, wanted ${id}`;
    if (runs ? end !== undefined : end === undefined || !ends.includes(end))
      yield `${name} has ended as ${end}, wanted ${ends.join(' or ') || 'none'}`;
    // What a client has given up reads no more of it.
    if (runs) yield* unequal(`${name}, parts`, live.parts, parts);
    if (runs) yield* unequal(`${name}, percents`, live.percents, percents);
    if (server === undefined) return;
    if (server.isOver === runs) yield `${name} ${runs ? 'is over' : 'runs'} at the server`;
    const { priority: said, budget } = server;
    yield* unequal(`${name}, priority`, said && [said.priorityClass, said.priorityDelta], priority);
    yield* unequal(`${name}, tokens`, budget?.tokenBudget, tokens);
  }

  private work(operation: OperationContext): string | Promise<void> {
    const [name = '', mode = '', rest = ''] = operation.text().split(' ');
    if (this.submitted.has(name)) this.breaches.push(`${name} is served twice`);
    this.submitted.set(name, operation);
    if (mode === 'throw') throw new Error('asked to throw');
    return mode === 'echo' ? rest : operation.finished;
  }

  private liveOf(session: NnrpServerSession): LiveSession | undefined {
    return this.sessions.get(Number(session.clientOpen.clientSessionTag));
  }

  private async listen(live: LiveSession): Promise<void> {
    for await (const { type } of live.client.events()) live.hears('client', type);
  }
}

function shown(objects: ObjectTable): string[] {
  return [...objects].map(
    ({ descriptor, declaredBy, references, sequence }) =>
      `${descriptor.objectId} ${declaredBy} ${references} ${sequence}`,
  );
}

function* unequal(what: string, got: unknown, wanted: unknown): Iterable<string> {
  const [one, other] = [sorted(got), sorted(wanted)];
  if (one !== other) yield `${what}: ${one}, wanted ${other}`;
}

function sorted(value: unknown): string {
  return JSON.stringify(Array.isArray(value) && Array.isArray(value[0]) ? [...value].sort() : value) ?? 'undefined';
}
