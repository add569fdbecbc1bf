import type { NnrpError } from 'nnrp-core';
import { MessageType, PeerMessages } from 'nnrp-core/preview3';
import { nextTurn } from '../../base/guard.js';
import type { NnrpClientSession } from '../session/client-session.js';
import type { CloseOptions } from '../session/close-options.js';
import { KeepAlive, type KeepAliveTarget } from './keep-alive.js';

/** The connection that is to end. */
export interface EndingConnection extends KeepAliveTarget {
  readonly config: { readonly closeTimeoutMs: number };
  readonly isClosed: boolean;
  /** Whether the server has said that it understands this. */
  understands(family: PeerMessages): boolean;
  sendPlain(messageType: number, sessionId: number, frameId: number): boolean;
  /** Asks for a sign of life, and gives the connection up when none comes in time. */
  askWithin(timeoutMs: number): void;
  close(reason: NnrpError): Promise<void>;
}

/**
 * Closes sessions in good order, then their connection; a server that does not answer is left behind.
 *
 * @param abandon - ends the connection at once
 */
export async function shutDown(
  connection: EndingConnection,
  sessions: readonly NnrpClientSession[],
  options: CloseOptions,
  reason: NnrpError,
  abandon: () => void,
): Promise<void> {
  // A server that is gone while its answer is waited for is found within `closeTimeoutMs`, drain or not.
  const isWatched = sessions.length > 0 && connection.understands(PeerMessages.ErrorClosePing);
  const halfMs = Math.ceil(connection.config.closeTimeoutMs / 2);
  const watch = isWatched ? new KeepAlive(connection, halfMs, () => connection.askWithin(halfMs)) : undefined;
  const outcomes = await Promise.allSettled(sessions.map((session) => session.close(options)));
  watch?.stop();
  await sayGoodbye(connection);
  // A server that has not confirmed in time takes nothing any more either.
  if (outcomes.some(({ status }) => status === 'rejected')) abandon();
  await connection.close(reason);
}

/** The connection is about to end: without a word a server that knows recovery would keep what it may not have had. */
async function sayGoodbye(connection: EndingConnection): Promise<void> {
  if (connection.isClosed || !connection.understands(PeerMessages.Recovery)) return;
  connection.sendPlain(MessageType.Close, 0, 0);
  // What is sent in a turn leaves at its end.
  await new Promise<void>((resolve) => nextTurn(connection, resolve));
}
