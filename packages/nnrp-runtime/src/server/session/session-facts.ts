import type { SessionIdentity, SessionStats } from '../contract/session-stats.js';
import type { ServerSession } from './server-session.js';

/** The facts of a session; they cost the same however many there are, of whatever. */
export function sessionFacts(session: ServerSession): SessionStats {
  const { connection, tally, operations, queued, gate, lifecycle } = session;
  const { completedOperations, partialResults, resultBytes, drops } = tally;
  const { peerIdentity } = connection;
  return {
    sessionId: session.sessionId,
    revision: session.dialect.name,
    state: lifecycle.state,
    isSuspended: lifecycle.isSuspended,
    remoteAddress: connection.remoteAddress,
    transport: connection.transportKind,
    ...(peerIdentity !== undefined && { identity: identityOf(peerIdentity) }),
    profileId: session.ack.acceptedProfileId,
    ageMs: Math.round(performance.now() - session.openedAtMs),
    roundTripMs: connection.roundTripMs,
    inFlight: operations.registry.size,
    queuedSubmits: queued.size,
    queuedBytes: queued.byteLength,
    operationCredit: session.flowTold?.credit ?? session.ack.grantedOperationCredit,
    backpressureLevel: session.flowTold?.backpressureLevel ?? 0,
    resultsPaused: gate.isPaused,
    heldResults: gate.heldCount,
    outboxBytes: connection.outboxBytes,
    receivedPackets: session.receivedPackets,
    receivedBytes: session.receivedBytes,
    operations: tally.operations,
    completedOperations,
    partialResults,
    resultBytes,
    drops,
  };
}

function identityOf({ authorized, subject, subjectAltNames, fingerprint256 }: SessionIdentity): SessionIdentity {
  return {
    authorized,
    ...(subject !== undefined && { subject }),
    ...(subjectAltNames !== undefined && { subjectAltNames }),
    ...(fingerprint256 !== undefined && { fingerprint256 }),
  };
}
