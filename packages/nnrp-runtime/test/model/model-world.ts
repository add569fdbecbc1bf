import { setImmediate as turn } from 'node:timers/promises';
import { CancelledError, ClosedError, DeadlineError, ProtocolError, TransportError } from 'nnrp-core';
import type { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import type { NnrpServerSession, OperationContext } from '../../src/server/contract/contract.js';
import type { NnrpServer } from '../../src/server/server.js';
import { carrier } from '../support/carrier.js';
import type { ModelCaller } from './model-caller.js';
import { type ModelPeer, STEP_PATIENCE_MS } from './model-peer.js';
import { MAX_IN_FLIGHT } from './model-state.js';

/** An operation that its handler keeps until a step of the model answers it. */
export interface HeldOperation {
  readonly operation: OperationContext;
  /** The handler fails. */
  fail(): void;
  /** Set by the step that answers it; otherwise its signal must have aborted. Undefined when both may be. */
  answered: boolean | undefined;
}

const ABORT_REASONS = [CancelledError, DeadlineError, ClosedError, ProtocolError, TransportError];

/**
 * A live server with handlers that do what the body of a submit says, and all peers connected to it. One world
 * serves many runs; each run leaves nothing behind but the witness, a client whose session must be answered throughout.
 */
export class ModelWorld {
  readonly peers = new Map<number, ModelPeer>();
  readonly callers = new Map<number, ModelCaller>();
  readonly held = new Map<string, HeldOperation>();
  readonly sessions = new Map<number, NnrpServerSession>();
  /** What must never happen, and did. */
  readonly breaches: string[] = [];
  /** Operations that a session's client may have in flight, for sessions of real clients. */
  readonly windows = new Map<number, number>();
  steps = 0;
  private readonly inHand = new Map<number, Set<OperationContext>>();
  private readonly rejected = (reason: unknown) => {
    this.breaches.push(`unhandled rejection: ${String(reason)}`);
  };

  private constructor(
    readonly server: NnrpServer,
    private readonly witness: NnrpClient,
    private readonly witnessSession: NnrpClientSession,
  ) {
    process.on('unhandledRejection', this.rejected);
  }

  static async create(): Promise<ModelWorld> {
    const server = await carrier.bind({
      maxInFlightOperations: MAX_IN_FLIGHT,
      grantedOperationCredit: MAX_IN_FLIGHT,
      drainTimeoutMs: 0,
    });
    // Sessions are served from the first one on, so the world comes right after it.
    let world: ModelWorld | undefined;
    void server.serve({
      submit: (operation) => world?.submitted(operation),
      session: (session) => void world?.sessions.set(session.sessionId, session),
      ended: (session) => void world?.sessionEnded(session),
      patch: () => ({}),
    });
    const witness = await carrier.openClient(server.localAddress);
    world = new ModelWorld(server, witness, await witness.openSession({ defaultDeadlineMs: 0 }));
    return world;
  }

  /** The name of a held operation. */
  static key(sessionId: number, frameId: number): string {
    return `${sessionId}:${frameId}`;
  }

  /** Waits for what must become true. @throws Error with what `describe` says when it does not */
  async until(condition: () => boolean, describe: () => string): Promise<void> {
    const deadline = performance.now() + STEP_PATIENCE_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(describe());
      await turn();
    }
  }

  /** What holds after every step, whatever it was. */
  async check(sessionCount: number, connectionCount: number): Promise<void> {
    const { server } = this;
    await this.until(
      () => server.sessionCount === sessionCount + 1 && server.connectionCount === connectionCount + 1,
      () =>
        `the server has ${server.sessionCount} sessions on ${server.connectionCount} connections, ` +
        `not ${sessionCount + 1} on ${connectionCount + 1}`,
    );
    const body = `witness ${this.steps++}`;
    const result = await (await this.witnessSession.submit(`echo ${body}`)).result();
    if (new TextDecoder().decode(result.body) !== body) throw new Error('the witness was answered wrongly');
    for (const peer of this.peers.values()) this.breaches.push(...peer.ledger.breaches);
    if (this.breaches.length > 0) throw new Error(this.breaches.splice(0).join('\n'));
  }

  /** All peers have left: nothing may be left of them. */
  async checkEmpty(): Promise<void> {
    await this.check(0, 0);
    await this.until(
      () => this.held.size === 0 && this.sessions.size === 0,
      () => `left behind: operations ${[...this.held.keys()]}, sessions ${[...this.sessions.keys()]}`,
    );
    this.inHand.clear();
    this.windows.clear();
    const busy = () => {
      const { runningOperations, queuedOperations } = this.server.stats();
      return { running: runningOperations?.value, waiting: queuedOperations?.value };
    };
    await this.until(
      () => busy().running === 0 && busy().waiting === 0,
      () => `${busy().running} handlers run, ${busy().waiting} operations wait for one`,
    );
  }

  /** The peer has left; what it has seen is looked at once more. */
  forget(name: number): void {
    const peer = this.peers.get(name);
    if (peer !== undefined) this.breaches.push(...peer.ledger.breaches);
    peer?.destroy();
    this.peers.delete(name);
  }

  /** Ends what a run that failed has left, so that the next one starts from nothing. */
  async reset(): Promise<void> {
    for (const peer of this.peers.values()) peer.destroy();
    for (const caller of this.callers.values()) caller.vanish();
    this.peers.clear();
    this.callers.clear();
    await this.until(
      () => this.server.connectionCount === 1,
      () => 'connections stay',
    );
    for (const held of [...this.held.values()]) held.fail();
    await turn();
    this.held.clear();
    this.sessions.clear();
    this.breaches.length = 0;
  }

  async close(): Promise<void> {
    process.off('unhandledRejection', this.rejected);
    await this.witness.close({ drainTimeoutMs: 0 });
    await this.server.close();
  }

  /** The handler of every session: the first word of the body says what to do. */
  private submitted(operation: OperationContext) {
    this.checkLimits(operation);
    const text = new TextDecoder().decode(operation.body);
    const [mode = '', ...rest] = text.split(' ');
    switch (mode) {
      case 'echo':
        return rest.join(' ');
      case 'throw':
        throw new Error('asked to throw');
      case 'reject':
        return turn().then(() => Promise.reject(new Error('asked to reject')));
      case 'later':
        return turn().then(() => rest.join(' '));
      case 'stream':
        return stream(Number(rest[0]));
      default:
        return this.hold(operation);
    }
  }

  private hold(operation: OperationContext): Promise<void> {
    const { frameId, session, signal } = operation;
    const key = ModelWorld.key(session.sessionId, frameId);
    return new Promise((resolve, reject) => {
      const held: HeldOperation = { operation, answered: false, fail: () => reject(new Error('asked to fail')) };
      this.held.set(key, held);
      void operation.finished.then(() => {
        if (this.held.get(key) === held) this.held.delete(key);
        if (signal.aborted === held.answered) {
          this.breaches.push(`operation ${key}: answered ${held.answered}, signal aborted ${signal.aborted}`);
        }
        if (signal.aborted && !ABORT_REASONS.some((type) => signal.reason instanceof type)) {
          this.breaches.push(`operation ${key}: aborted for ${String(signal.reason)}`);
        }
        resolve();
      });
    });
  }

  private checkLimits(operation: OperationContext): void {
    const { session, frameId } = operation;
    const { sessionId } = session;
    const inHand = this.inHand.get(sessionId) ?? new Set();
    for (const other of inHand) if (other.isOver) inHand.delete(other);
    inHand.add(operation);
    this.inHand.set(sessionId, inHand);
    if (inHand.size > MAX_IN_FLIGHT) {
      this.breaches.push(`session ${sessionId}: frame ${frameId} is number ${inHand.size} in the handlers' hands`);
    }
    const window = this.windows.get(sessionId);
    if (window !== undefined && session.inFlightCount > window) {
      this.breaches.push(
        `session ${sessionId}: the client has ${session.inFlightCount} in flight, and its window is ${window}`,
      );
    }
  }

  private sessionEnded(session: NnrpServerSession): void {
    if (this.sessions.get(session.sessionId) === session) this.sessions.delete(session.sessionId);
    this.inHand.delete(session.sessionId);
  }
}

async function* stream(parts: number): AsyncGenerator<string, string, void> {
  for (let part = 0; part < parts; part++) {
    if (part % 3 === 1) await turn();
    yield `${part}`;
  }
  return `${parts}`;
}
