import { forCaller, type NnrpError, type Packet } from 'nnrp-core';
import { ErrorCode, ErrorScope } from 'nnrp-core/preview3';
import { readError } from '../failures/peer-error.js';
import type { HelloExchange } from '../hello/hello-exchange.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import type { ClientProbes } from './client-probes.js';

/** What an ERROR about the connection may end. */
export interface FailingConnection extends Pick<ClientSessionConnection, 'config' | 'violation' | 'peerReported'> {
  /** Ends the connection without a word. */
  giveUp(error: NnrpError): void;
}

/** ERROR that names no session, or one that is over. */
export function connectionError(
  packet: Packet,
  connection: FailingConnection,
  greeting: HelloExchange,
  probes: ClientProbes,
): void {
  const { message, error, violation } = readError(packet, connection.config.announce);
  if (violation !== undefined) connection.violation(violation, packet.sessionId);
  connection.peerReported(forCaller(error), packet.sessionId);
  // A fatal error of a session that is gone already has no effect on the rest of the connection.
  if (message.errorScope !== ErrorScope.Connection) return;
  if (message.isFatal === 1) connection.giveUp(error);
  else if (!greeting.reject(forCaller(error)) && message.errorCode === ErrorCode.UnsupportedCapability) {
    probes.end(error);
  }
}
