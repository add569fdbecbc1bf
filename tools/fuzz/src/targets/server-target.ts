import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpClient, type NnrpClientSession, NnrpServer } from 'nnrp-runtime';
import { type Carrier, FOCUS_ID, type State, type Step, type Style } from '../conversation.js';
import type { Coverage } from '../coverage.js';
import { MAX_PACKET_BYTES, type ServerRoad, serverRoad } from '../road.js';
import { Dice } from '../samples/dice.js';
import type { Samples } from '../samples/samples.js';
import { PREVIEW3 } from '../samples/samples-preview3.js';
import { WORK, workBody } from '../samples/work.js';
import type { ProcessWatch } from '../watch.js';
import type { Wire } from '../wire.js';
import { Pledges, pause, turns, until } from './pledges.js';
import { POLICY, runApplication, SLOW_CLOSE_ID, TAGS } from './server-application.js';

const { MessageType } = preview3;
/** Turns in which a packet arrives and is dealt with. */
const TURNS = { tcp: 3, duplex: 2, memory: 2 } as const;

/** What is looked at inside a server: the counters that must be back at zero. */
interface Inside {
  readonly connections: Set<InsideConnection>;
  readonly draining: boolean;
  readonly loop?: {
    readonly dispatcher: { runningCount: number; waitingCount: number };
    readonly paused: Set<unknown>;
  };
}

interface InsideConnection {
  readonly isClosed: boolean;
  readonly router: { readonly greeted: boolean };
  readonly opening: { readonly isBusy: boolean };
  readonly sessions: Map<number, { readonly session: InsideSession }>;
  readonly outbox: { readonly byteLength: number };
}

interface InsideSession {
  readonly lifecycle: { readonly state: string };
  readonly operations: { readonly registry: { readonly size: number } };
  readonly gate: { readonly heldCount: number };
  readonly closing: { readonly own: unknown };
}

/** Our server under attack by one hostile client, while another client is served. */
export class ServerTarget {
  readonly pledges = new Pledges();
  private wire: Wire | undefined;
  private second: Wire | undefined;
  private focus: InsideConnection | undefined;
  private hadSession = false;
  private shutDown: Promise<unknown> | undefined;
  private frame = 100;

  private constructor(
    private readonly samples: Samples,
    private readonly carrier: Carrier,
    private readonly watch: ProcessWatch,
    private road: ServerRoad,
    private server: NnrpServer,
    private healthy: NnrpClient,
    private healthySession: NnrpClientSession,
  ) {}

  static async start(samples: Samples, carrier: Carrier, style: Style, watch: ProcessWatch): Promise<ServerTarget> {
    const parts = await begin(samples, carrier, watch);
    const { road, server, healthy } = parts;
    const target = new ServerTarget(samples, carrier, watch, road, server, healthy, undefined as never);
    runApplication(server, style, target.pledges);
    target.healthySession = await healthy.openSession({ defaultDeadlineMs: 0 });
    await turns(3);
    target.pledged = target.pledges.size;
    return target;
  }

  /** What the application waits for on behalf of the healthy client. */
  private pledged = 0;

  private get inside(): Inside {
    return this.server as unknown as Inside;
  }

  /** Whether the server can be attacked again. */
  get isUsable(): boolean {
    return this.shutDown === undefined;
  }

  /** Plays one conversation; what must not happen is added to the watch. */
  async play(steps: readonly Step[], seed: number, coverage: Coverage): Promise<void> {
    const dice = new Dice(seed);
    let joined: { step: Extract<Step, { do: 'say' }>; bytes: Uint8Array }[] = [];
    for (const step of steps) {
      if (step.do === 'reach') await this.reach(step.state, dice);
      else if (step.do === 'leave') this.leave(step.how);
      else if (step.do === 'rest') await pause(step.ms);
      else if (step.do === 'say') {
        await this.connectIfNeeded(step.second === true);
        joined.push({ step, bytes: new Uint8Array(Buffer.from(step.hex, 'hex')) });
        if (step.joined === true) continue;
        const state = this.state();
        if (state !== 'over')
          for (const { step: one } of joined) coverage.count('server', state, one.name, one.how !== undefined);
        const wire = step.second === true ? this.second : this.wire;
        wire?.write(new Uint8Array(Buffer.concat(joined.map(({ bytes }) => bytes))), step.cuts);
        joined = [];
        await turns(TURNS[this.carrier]);
      }
    }
    await this.check();
  }

  /** Where the attacked side stands. */
  state(): string {
    const { focus } = this;
    if (this.shutDown !== undefined) return focus === undefined || focus.isClosed ? 'over' : 'shutdown';
    if (focus === undefined || focus.isClosed) return 'over';
    const session = focus.sessions.get(FOCUS_ID)?.session;
    if (session === undefined) {
      if (focus.opening.isBusy) return 'asking';
      if (this.hadSession) return 'closed';
      return focus.router.greeted ? 'greeted' : 'fresh';
    }
    this.hadSession = true;
    const { state } = session.lifecycle;
    if (session.closing.own !== undefined) return 'ending';
    if (state !== 'open') return state;
    if (session.gate.heldCount > 0) return 'paused';
    return session.operations.registry.size > 0 ? 'busy' : 'open';
  }

  private async reach(state: State, dice: Dice): Promise<void> {
    if (this.shutDown !== undefined || this.state() === state) return;
    if (state === 'fresh' || state === 'greeted' || state === 'asking') await this.connect();
    if (state === 'fresh') return;
    if (state === 'greeted') {
      await this.greet(dice);
      return;
    }
    if (state === 'asking') {
      if (this.isHelloFirst) await this.greet(dice);
      this.send(this.samples.open(FOCUS_ID, dice, { clientSessionTag: TAGS.slow }));
      await this.arrives(() => this.state() === state);
      return;
    }
    await this.reachSession(dice);
    if (state === 'open') return;
    if (state === 'closed') {
      this.send(
        this.samples.of('SESSION_CLOSE', SUBJECT, dice, { inFlightPolicy: 1, drainTimeoutMs: 0, lastOperationId: 1n }),
      );
      await this.arrives(() => this.state() === state);
      return;
    }
    if (state === 'paused') {
      this.send(this.samples.of('FLOW_UPDATE', SUBJECT, dice, { ...PAUSE, creditEpoch: ++this.frame }));
    }
    this.submit(state === 'paused' ? WORK.pushes : WORK.hangs, dice);
    await this.arrives(() => this.state() === 'busy' || this.state() === 'paused');
    if (state === 'busy' || state === 'paused') return;
    if (state === 'shutdown') this.close();
    else if (state === 'ending') this.endFromServer();
    else {
      const lastOperationId = state === 'closing' ? SLOW_CLOSE_ID : 1n;
      this.send(
        this.samples.of('SESSION_CLOSE', SUBJECT, dice, { inFlightPolicy: 0, drainTimeoutMs: 30, lastOperationId }),
      );
    }
    await this.arrives(() => this.state() === state);
  }

  /** A session that is open, on the connection there is or a new one. */
  private async reachSession(dice: Dice): Promise<void> {
    const reachable = ['open', 'busy'];
    if (reachable.includes(this.state())) return;
    if (this.state() !== 'fresh' && this.state() !== 'greeted' && this.state() !== 'closed') await this.connect();
    if (this.isHelloFirst && this.state() === 'fresh') await this.greet(dice);
    // One that announces itself is told more, and closes in two steps.
    this.frame = 0;
    this.send(dice.chance(0.7) ? this.announcedOpen(dice) : this.samples.open(FOCUS_ID, dice));
    await this.arrives(() => reachable.includes(this.state()));
  }

  /** Over preview4 nothing is said before the hello. */
  private get isHelloFirst(): boolean {
    return this.samples.revision === 'preview4';
  }

  private async greet(dice: Dice): Promise<void> {
    this.send(this.samples.of('CLIENT_HELLO', SUBJECT, dice));
    await this.arrives(() => this.state() === 'greeted');
  }

  private announcedOpen(dice: Dice): Uint8Array {
    for (;;) {
      const packet = this.samples.open(FOCUS_ID, dice, { defaultDeadlineMs: 0, sessionFlags: 0 });
      // With a block behind the authentication it announces something; over preview4 the hello has done that.
      if (this.isHelloFirst || new DataView(packet.buffer).getUint32(40 + 36, true) > 16) return packet;
    }
  }

  private submit(kind: number, dice: Dice): void {
    const packet = this.samples.of('FRAME_SUBMIT', { sessionId: FOCUS_ID, frameId: ++this.frame }, dice, {
      ...PLAIN_SUBMIT,
      // Work that hangs is dropped by its deadline.
      latencyBudgetMs: dice.chance(0.3) ? 1 + dice.below(20) : 0,
    });
    const head = packet.slice(0, 112);
    const body = workBody(kind, dice);
    new DataView(head.buffer).setUint32(16, body.length, true);
    this.send(new Uint8Array(Buffer.concat([head, body])));
  }

  /** The server's own application ends the session, with time for what is in progress. */
  private endFromServer(): void {
    const session = this.focus?.sessions.get(FOCUS_ID)?.session as unknown as {
      handle: { close(options: object): Promise<void> };
    };
    if (session !== undefined)
      this.pledges.add('close', session.handle.close({ inFlightPolicy: 0, drainTimeoutMs: 30 }));
  }

  private close(): void {
    this.shutDown = this.server.close();
    this.pledges.add('server.close', this.shutDown);
  }

  private send(bytes: Uint8Array): void {
    this.wire?.write(bytes);
  }

  /** Some states are not reached when what was said before stands in the way; then the attack goes on in another one. */
  private async arrives(what: () => boolean): Promise<void> {
    await until(what, 15);
  }

  private async connectIfNeeded(second: boolean): Promise<void> {
    if (this.shutDown !== undefined) return;
    if (second) {
      if (this.second === undefined || this.second.isOver) this.second = await this.road.attack();
    } else if (this.wire === undefined || this.wire.isOver) await this.connect();
  }

  private async connect(): Promise<void> {
    this.wire?.destroy();
    // The last session must be gone: the new one wants its id.
    const last = this.focus;
    if (last !== undefined) await until(() => last.isClosed, this.watch.patienceMs);
    const before = new Set(this.inside.connections);
    this.wire = await this.road.attack();
    this.hadSession = false;
    const newest = () => [...this.inside.connections].find((connection) => !before.has(connection));
    await until(() => newest() !== undefined, this.watch.patienceMs);
    this.focus = newest();
  }

  private leave(how: 'end' | 'reset' | 'destroy'): void {
    this.wire?.[how]();
  }

  /** What must hold after the attack, and after all ends have left. */
  private async check(): Promise<void> {
    const { wire, focus, second } = this;
    if (wire !== undefined && focus !== undefined && !(await this.answersOrIsOver(wire, focus))) {
      this.watch.add('hung', 'the attacked connection neither answers a PING nor ends');
    }
    if (this.shutDown === undefined) await this.checkHealthy();
    else this.healthy.close().catch(() => {});
    wire?.destroy();
    second?.destroy();
    const isEmpty = () => this.leftovers().length === 0;
    if (!(await until(isEmpty, this.watch.patienceMs))) this.watch.add('left behind', this.leftovers().join('; '));
    this.wire = undefined;
    this.second = undefined;
    this.focus = undefined;
    this.hadSession = false;
  }

  private leftovers(): string[] {
    const { server, inside, pledges } = this;
    const stays = this.shutDown === undefined ? 1 : 0;
    const { dispatcher, paused } = inside.loop ?? {};
    const counts = {
      connections: server.connectionCount - stays,
      sessions: server.sessionCount - stays,
      running: dispatcher?.runningCount ?? 0,
      waiting: dispatcher?.waitingCount ?? 0,
      paused: paused?.size ?? 0,
    };
    const left = Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${name}: ${count}`]));
    if (pledges.size > (stays === 1 ? this.pledged : 0)) left.push(`promises: ${pledges.names().join(', ')}`);
    return left;
  }

  /** A packet that never came to its end takes what is asked after it for its rest: it is filled up then. */
  private async answersOrIsOver(wire: Wire, focus: InsideConnection): Promise<boolean> {
    const isSettled = () => wire.isOver || focus.isClosed || wire.take().some(isPong);
    wire.write(PING);
    if (await until(isSettled, 40)) return true;
    wire.write(new Uint8Array(MAX_PACKET_BYTES + 64));
    wire.write(PING);
    return until(isSettled, this.watch.patienceMs);
  }

  private async checkHealthy(): Promise<void> {
    const { patienceMs } = this.watch;
    const endMs = performance.now() + patienceMs;
    const ask = async (): Promise<unknown> => {
      const operation = await this.healthySession.submit(workBody(WORK.echo, new Dice(1)));
      // An attacker may fill the line of submits that wait for a handler, for a while.
      return operation.result().catch((error: unknown) => {
        if (this.healthySession.endReason === undefined && performance.now() < endMs) return pause(5).then(ask);
        throw error;
      });
    };
    let answered = false;
    let givenUp = false;
    ask().then(
      () => {
        answered = true;
      },
      (error: unknown) => {
        if (!givenUp) this.watch.add('healthy client', error);
      },
    );
    if (await until(() => answered, patienceMs + 500)) return;
    this.watch.add('healthy client', 'got no answer');
    // That has been said. The end of the server, seconds later, would be taken for damage of another conversation.
    givenUp = true;
  }

  /** Ends the server. */
  async stop(): Promise<void> {
    await this.healthy.close().catch(() => {});
    await this.server.close();
  }
}

const SUBJECT = { sessionId: FOCUS_ID, frameId: 1 };
const PAUSE = {
  scopeKind: 1,
  updateReason: preview3.UpdateReason.Pause,
  backpressureLevel: 2,
  flowFlags: 0,
  operationId: 0n,
  retryAfterMs: 0,
};
const PLAIN_SUBMIT = { submitMode: 0, objectRefMask: 0, latencyBudgetMs: 0 };
const PING = PREVIEW3.of('PING', SUBJECT, new Dice(1));

function isPong(packet: Packet): boolean {
  return packet.messageType === MessageType.Pong;
}

async function begin({ revision }: Samples, carrier: Carrier, watch: ProcessWatch) {
  const road = await serverRoad(carrier);
  const server = NnrpServer.fromListener(road.listener, {
    // What attackers say after a hello is of this one, whatever their hello announces.
    revision,
    // What outlives an attack must be gone when it is looked for.
    resumeWindowMs: 20,
    applicationPolicy: POLICY,
    maxPacketBytes: MAX_PACKET_BYTES,
    maxHandshakePacketBytes: MAX_PACKET_BYTES,
    supportedCacheObjects: Object.values(preview3.CacheObjectKind),
    backgroundResults: true,
    cacheLeases: true,
    schemaOverride: true,
    maxCacheObjects: 8,
    drainTimeoutMs: 40,
    pingTimeoutMs: 2000,
    packetTimeoutMs: 200,
    maxQueuedSubmits: 8,
  });
  server.on('internalError', ({ error }) => watch.add('internalError', error));
  // Handlers fail on purpose here; without a listener each would be a warning.
  server.on('handlerFailure', () => {});
  const healthy = NnrpClient.fromTransport(await road.connect(), { revision });
  healthy.on('internalError', ({ error }) => watch.add('internalError', error));
  return { road, server, healthy };
}
