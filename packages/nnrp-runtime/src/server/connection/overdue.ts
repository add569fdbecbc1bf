import { type NnrpError, ProtocolError, TimeoutError } from 'nnrp-core';
import { CloseReason, ErrorCode } from 'nnrp-core/preview3';
import { background, type Guarded } from '../../base/guard.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type { ServerSession } from '../session/server-session.js';
import type { ConnectionTimersOwner } from './connection-timers.js';

/** What time brings about needs of the connection. */
export interface OverdueConnection extends Guarded {
  readonly config: NnrpServerConfig;
  readonly remoteAddress: string;
  readonly packetCount: number;
  readonly unfinishedBytes: number;
  readonly knowsPeerMessages: boolean;
  readonly isTurnedAway: boolean;
  readonly isSending: boolean;
  /** The client has ended its direction. */
  readonly isHalfClosed: boolean;
  /** A PONG is waited for. */
  readonly isPongAwaited: boolean;
  readonly reading: { readonly isPaused: boolean };
  openSessions(): readonly ServerSession[];
  isBusy(): boolean;
  isAskingPolicy(): boolean;
  ping(timeoutMs: number): Promise<number>;
  /** Sends a PING whose PONG is not waited for. */
  pingUnwatched(): void;
  makeRoom(): void;
  cut(): void;
  fail(error: ProtocolError): void;
  /** The idle time-out ends these sessions. */
  idle(sessions: readonly ServerSession[]): void;
  closeGracefully(reason: NnrpError): Promise<void>;
}

/**
 * So often a client that is not read is sent a PING whenever it was quiet: a client that hears nothing asks for a sign of life itself,
 * and gets no answer. Of their PONGs a Unix socket holds more than twice as many.
 */
const REGULAR_PINGS = 256;

/** What a connection does about what has not come in time. */
export class Overdue implements ConnectionTimersOwner {
  /** How often it was quiet since something was read last. */
  private unreadQuiets = 0;
  private readPackets = 0;

  constructor(private readonly connection: OverdueConnection) {}

  get packetCount(): number {
    return this.connection.packetCount;
  }

  crashed(error: unknown): void {
    this.connection.crashed(error);
  }

  isBusy(): boolean {
    return this.connection.isBusy();
  }

  isAskingPolicy(): boolean {
    return this.connection.isAskingPolicy();
  }

  handshakeTooSlow(limitMs: number): void {
    const { connection } = this;
    if (connection.isTurnedAway) {
      connection.makeRoom();
      return;
    }
    const text = `${connection.remoteAddress}: no session within ${limitMs} ms`;
    // A client that has asked for nothing has been told nothing that could be on its way.
    if (connection.packetCount === 0) connection.cut();
    background(connection, connection.closeGracefully(new TimeoutError(text, limitMs)));
  }

  packetTooSlow(): void {
    this.connection.fail(new ProtocolError('a packet took too long to arrive', ErrorCode.LimitExceeded));
  }

  silentTooLong(): void {
    const { connection } = this;
    const { idleTimeoutMs } = connection.config;
    const reason = new TimeoutError(`${connection.remoteAddress}: silent for ${idleTimeoutMs} ms`, idleTimeoutMs);
    const sessions = connection.openSessions();
    connection.idle(sessions);
    for (const session of sessions) {
      if (connection.knowsPeerMessages) session.closing.sendClose({ reason: CloseReason.IdleTimeout });
      session.end(reason);
    }
    background(connection, connection.closeGracefully(reason));
  }

  quiet(): void {
    const { connection } = this;
    // A client that has ended its direction cannot answer; and while bytes wait to leave, the PING would wait behind them.
    if (connection.isHalfClosed || !connection.knowsPeerMessages || connection.isSending) return;
    // The end of a client is not seen while nothing is read. Its system answers the first PING by a reset, and the next one fails.
    if (connection.reading.isPaused) {
      this.quietWhileUnread();
      return;
    }
    if (connection.isPongAwaited) return;
    const { packetTimeoutMs, pingTimeoutMs } = connection.config;
    // A PONG could not come before the packet that arrives, which has a time limit of its own.
    if (connection.unfinishedBytes > 0 && packetTimeoutMs > 0) return;
    connection.ping(pingTimeoutMs).catch(() => {});
  }

  /** With the default of 15 s for an hour whenever it was quiet, then ever more seldom: each PONG stays in the client's way until it is read. */
  private quietWhileUnread(): void {
    const { connection } = this;
    if (connection.packetCount !== this.readPackets) this.unreadQuiets = 0;
    this.readPackets = connection.packetCount;
    this.unreadQuiets++;
    const isPowerOf2 = (this.unreadQuiets & (this.unreadQuiets - 1)) === 0;
    if (this.unreadQuiets <= REGULAR_PINGS || isPowerOf2) connection.pingUnwatched();
  }
}
