import type { SessionState } from 'nnrp-core';
import type { RevisionName } from '../../connection/revision/revision-name.js';

/** Facts of one session, plain data, as they are at the moment: no payload, no secret. */
export interface SessionStats {
  readonly sessionId: number;
  /** The revision of the wire that its client speaks. */
  readonly revision: RevisionName;
  readonly state: SessionState;
  /** Whether it has no connection, and waits to be resumed. */
  readonly isSuspended: boolean;
  /** The peer, such as 127.0.0.1:51000; of a suspended session that of the connection it had last. */
  readonly remoteAddress: string;
  /** What carries it, such as tcp. */
  readonly transport: string;
  /** What the peer has proved by TLS; absent without TLS. Neither the certificate itself nor `claims` of a transport are in it. */
  readonly identity?: SessionIdentity;
  readonly profileId: number;
  /** Milliseconds since it was opened. */
  readonly ageMs: number;
  /** The last round trip of its connection in milliseconds; undefined before the first PONG, and while it is suspended. */
  readonly roundTripMs: number | undefined;
  /** Operations that have had no last answer. */
  readonly inFlight: number;
  /** Of them those that wait for the application, or for a handler. */
  readonly queuedSubmits: number;
  /** Bytes that these hold. */
  readonly queuedBytes: number;
  /** Operations that its client may have in flight, as it was told last: when the session was opened, or by an update since. */
  readonly operationCredit: number;
  /** How far its client was asked to hold submits back: BackpressureLevel of the wire, 0 = not at all. */
  readonly backpressureLevel: number;
  /** Whether its client wants no partial results for now: it has paused the session, or the connection. */
  readonly resultsPaused: boolean;
  /** Results that are held back because the client has asked for it, or reads slowly. */
  readonly heldResults: number;
  /** Bytes that wait to be sent on its connection, those of other sessions included; of a suspended session what is kept for it. */
  readonly outboxBytes: number;
  /** Packets of the session that have come, and their bytes. */
  readonly receivedPackets: number;
  readonly receivedBytes: number;
  /** Submits that were taken. */
  readonly operations: number;
  readonly completedOperations: number;
  readonly partialResults: number;
  /** Bytes of the bodies of all results. */
  readonly resultBytes: number;
  /** Frames without a last result. */
  readonly drops: number;
}

/** The identity that the peer has proved, or claims. */
export interface SessionIdentity {
  /** Whether the certificate leads to one of the listener's roots; the rest is a claim without it. */
  readonly authorized: boolean;
  /** Distinguished name. */
  readonly subject?: string;
  readonly subjectAltNames?: string;
  /** SHA-256 over the certificate. */
  readonly fingerprint256?: string;
}
