import { forCaller, type NnrpError, type ProtocolError } from 'nnrp-core';
import type { Guarded } from '../../base/guard.js';
import type { Pings } from '../../connection/pings.js';
import type { ReadingHold } from '../../connection/reading-hold.js';
import type { ClientConnectionEvents } from '../contract/client-events.js';
import type { ResumeReport } from '../contract/resume-report.js';
import type { RecoveryOwner, SessionMove } from '../recovery/recovery-owner.js';
import type { NnrpClientSession } from '../session/client-session.js';
import type { ConnectionFlow } from '../submits/connection-flow.js';
import type { ClientProbes } from './client-probes.js';

/** What recovery changes in a connection. */
export interface RecoveringConnection extends Guarded {
  readonly flow: ConnectionFlow;
  /** Of the server. */
  remoteAddress: string;
  readonly reading: ReadingHold;
  /** Whether something waits for an answer besides the sessions. */
  readonly isAwaited: boolean;
  readonly isShuttingDown: boolean;
  fail(error: ProtocolError): void;
}

/** What a connection does when the transport below it comes and goes. */
export class ConnectionRecovery implements RecoveryOwner {
  move: SessionMove | undefined;

  constructor(
    private readonly connection: RecoveringConnection,
    readonly sessions: ReadonlySet<NnrpClientSession>,
    private readonly pings: Pings,
    private readonly probes: ClientProbes,
    private readonly events: ClientConnectionEvents,
  ) {}

  get isAwaited(): boolean {
    // One that is being closed comes to its end by itself.
    return this.connection.isAwaited || this.connection.isShuttingDown;
  }

  suspended(error: NnrpError): void {
    const { reading, flow } = this.connection;
    // A wait for a PONG in which the connection was lost says nothing about the server.
    reading.stops++;
    flow.restart();
    this.probes.lost(error);
    if (this.move !== undefined) return;
    for (const session of this.sessions) session.suspended(error);
    this.events.suspended(forCaller(error));
  }

  endOthers(error: NnrpError, isResumable: (sessionId: number) => boolean): void {
    for (const session of [...this.sessions]) {
      if (!isResumable(session.sessionId)) session.disconnected(forCaller(error));
    }
  }

  resumed(report: ResumeReport): void {
    this.pings.sentAgain();
    for (const session of this.sessions) session.resumed(report);
    const { move } = this;
    if (move === undefined) {
      this.events.resumed(report);
      return;
    }
    this.move = undefined;
    this.connection.remoteAddress = move.remoteAddress;
    this.events.migrated(move.moved(report));
  }

  sessionLost(sessionId: number, error: NnrpError): void {
    this.events.lost(sessionId, forCaller(error));
    for (const session of this.sessions) {
      if (session.sessionId === sessionId) session.disconnected(error);
    }
  }

  ruleBroken(error: ProtocolError): void {
    this.connection.fail(error);
  }

  crashed(error: unknown): void {
    this.connection.crashed(error);
  }
}
