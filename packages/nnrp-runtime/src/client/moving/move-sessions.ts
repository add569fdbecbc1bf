import { type NnrpError, PeerError, shownValue, TimeoutError, UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { whenAborted } from '../../base/application/abort-signals.js';
import { guard, NO_OWNER } from '../../base/guard.js';
import type { Deferred } from '../../base/promises/deferred.js';
import { ignoreRejection } from '../../base/promises/settled.js';
import { Patience } from '../../base/time/patience.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { connectWithin } from '../../transport/connecting/connect-attempt.js';
import type { FramedConnector, FramedTransport } from '../../transport/contract/contract.js';
import { type MigrateOptions, migrateOptions } from '../contract/migrate-options.js';
import type { MigrationReport } from '../contract/migration.js';
import type { MovingSession } from '../recovery/recovery-owner.js';
import { transportIdOf } from '../requests/request-messages.js';
import type { MovableTransport } from './movable-transport.js';
import { failedIn, inStep, type MoveStep } from './move-steps.js';

/**
 * Moves the sessions of a client to another transport, step by step: the server is asked, a connection is made, what is under
 * way arrives, and the sessions are resumed there.
 *
 * @param transport - undefined when the client cannot connect again
 */
export function moveSessions(
  transport: MovableTransport | undefined,
  connector: FramedConnector,
  options: MigrateOptions,
): Promise<MigrationReport> {
  const { signal } = migrateOptions(options);
  if (typeof connector?.connect !== 'function')
    throw new UsageError(
      `migrate: expected a FramedConnector, such as new TcpConnector('HOST:PORT'), got ${shownValue(connector)}`,
    );
  if (transport === undefined) {
    throw new UsageError(
      "migrate: this client cannot resume its sessions: reconnect is 'never', or it was not told how to connect",
    );
  }
  const begun = inStep('begin', () => transport.beginMove());
  const move = new Move(transport, connector, begun);
  try {
    const letGo = whenAborted(transport, signal, (reason) => move.abort(reason));
    return move.run().finally(() => {
      letGo();
      move.end();
    });
  } catch (error) {
    move.end();
    throw error;
  }
}

class Move {
  private patience: Patience | undefined;
  private graceUntilMs = Number.POSITIVE_INFINITY;
  /** What the application has given it up with. */
  private aborted: { readonly reason: unknown } | undefined;

  constructor(
    private readonly transport: MovableTransport,
    private readonly connector: FramedConnector,
    /** Is rejected when the move has to be given up. */
    private readonly begun: Deferred<never>,
  ) {}

  async run(): Promise<MigrationReport> {
    const { transport } = this;
    await this.step('ask', this.ask());
    const path = await this.step('connect', this.connect());
    let moved: Promise<MigrationReport>;
    try {
      // What is still under way need not be sent again.
      await this.step('drain', this.drain());
      inStep('resume', () => transport.checkSessions());
      moved = inStep('resume', () => transport.moveTo(path, this.connector, this.answerMs()));
    } catch (error) {
      if (!transport.uses(path)) guard(NO_OWNER, () => path.abort());
      throw error;
    }
    return this.step('resume', moved);
  }

  abort(reason: unknown): void {
    this.aborted = { reason };
    this.begun.reject(reason as NnrpError);
  }

  end(): void {
    this.patience?.end();
    this.transport.endMove(this.begun);
  }

  /** SESSION_MIGRATE names transports by a number, of which TCP and TLS have the same (MIG-3): then there is nothing to ask. */
  private async ask(): Promise<void> {
    const { transport, connector } = this;
    const newId = transportIdOf(connector.kind);
    const oldId = transportIdOf(transport.kind);
    if (newId === oldId || newId === 0 || oldId === 0) return;
    const open = [...transport.owner.sessions].filter(({ state }) => state !== 'closing' && state !== 'draining');
    const graces = await Promise.all(open.map((session) => mayMove(session, newId)));
    const graceMs = Math.min(...graces, MAX_TIMER_MS);
    this.graceUntilMs = performance.now() + graceMs;
    this.patience = new Patience(transport, graceMs, () => {
      this.begun.reject(new TimeoutError(`the server has given ${graceMs} ms for it`, graceMs));
    }).unref();
  }

  private connect(): Promise<FramedTransport> {
    const { transport, connector, begun } = this;
    const giveUp = new AbortController();
    begun.promise.catch((reason: unknown) => giveUp.abort(reason));
    return connectWithin(transport, connector, transport.settings.connectTimeoutMs, giveUp.signal);
  }

  /** Until a fence has come back, or for as long as a PING may take. */
  private async drain(): Promise<void> {
    const { transport } = this;
    let patience: Patience | undefined;
    const late = new Promise<void>((resolve) => {
      patience = new Patience(transport, Math.min(transport.settings.pingTimeoutMs, this.answerMs()), resolve);
    });
    await Promise.race([transport.drained(), late]);
    patience?.end();
  }

  /** The grace of the server is for all of it. */
  private answerMs(): number {
    const leftMs = Math.max(1, Math.ceil(this.graceUntilMs - performance.now()));
    return Math.min(this.transport.settings.openTimeoutMs, leftMs);
  }

  private async step<T>(name: MoveStep, work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([ignoreRejection(work), this.begun.promise]);
    } catch (error) {
      const { aborted } = this;
      throw aborted !== undefined && aborted.reason === error ? error : failedIn(name, error);
    }
  }
}

/** @returns milliseconds in which it may. @throws PeerError when it may not, and what the request rejects with */
async function mayMove(session: MovingSession, newId: preview3.TransportId): Promise<number> {
  const { acceptCode, graceWindowMs } = await session.migrateTransport(session.buildMigrationRequest(newId));
  if (acceptCode === 0) return graceWindowMs === 0 ? MAX_TIMER_MS : graceWindowMs;
  const text = `the server does not let session ${session.sessionId} move (accept_code ${acceptCode})`;
  throw new PeerError('NNRP_ERR_PEER', text, acceptCode, 0);
}
