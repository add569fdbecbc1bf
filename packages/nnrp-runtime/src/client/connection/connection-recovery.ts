import { forCaller, type NnrpError, type ProtocolError } from 'nnrp-core';
import { MessageType, PeerMessages } from 'nnrp-core/preview3';
import { type Guarded, nextTurn } from '../../base/guard.js';
import type { Pings } from '../../connection/pings.js';
import type { ReadingHold } from '../../connection/reading-hold.js';
import type { ClientConnectionEvents } from '../contract/client-events.js';
import type { ResumeReport } from '../contract/resume-report.js';
import type { RecoveryOwner, SessionMove } from '../recovery/recovery-owner.js';
import type { NnrpClientSession } from '../session/client-session.js';
import type { ConnectionFlow } from '../submits/connection-flow.js';

/** What recovery changes in a connection. */
export interface RecoveringConnection extends Guarded {
  readonly flow: ConnectionFlow;
  /** Of the server. */
  remoteAddress: string;
  readonly reading: ReadingHold;
  /** Whether something waits for an answer besides the sessions. */
  readonly isAwaited: boolean;
  readonly isClosed: boolean;
  /** Whether the server has said that it understands this. */
  understands(family: PeerMessages): boolean;
  sendPlain(messageType: number, sessionId: number, frameId: number): boolean;
  fail(error: ProtocolError): void;
}

/** The connection is about to end: without a word a server that knows recovery would keep what it may not have had. */
export async function sayGoodbye(connection: RecoveringConnection): Promise<void> {
  if (connection.isClosed || !connection.understands(PeerMessages.Recovery)) return;
  connection.sendPlain(MessageType.Close, 0, 0);
  // What is sent in a turn leaves at its end.
  await new Promise<void>((resolve) => nextTurn(connection, resolve));
}

/** What a connection does when the transport below it comes and goes. */
export class ConnectionRecovery implements RecoveryOwner {
  move: SessionMove | undefined;

  constructor(
    private readonly connection: RecoveringConnection,
    readonly sessions: ReadonlySet<NnrpClientSession>,
    private readonly pings: Pings,
    private readonly events: ClientConnectionEvents,
  ) {}

  get isAwaited(): boolean {
    return this.connection.isAwaited;
  }

  suspended(error: NnrpError): void {
    const { reading, flow } = this.connection;
    // A wait for a PONG in which the connection was lost says nothing about the server.
    reading.stops++;
    flow.restart();
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
