/*
 * What the attacked server and client may hold. Their limits are set low, so that a leak or a limit that does not hold is
 * seen within the run.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Attacking connections at once, over all carriers. */
export const CONNECTIONS = 48;
const SESSIONS_PER_CONNECTION = 8;

export const SERVER_LIMITS = {
  maxPacketBytes: 32 * KIB,
  maxHandshakePacketBytes: 32 * KIB,
  highWaterBytes: 64 * KIB,
  maxOutboxBytes: 128 * KIB,
  maxQueuedBytes: 64 * KIB,
  maxQueuedSubmits: 16,
  maxCacheBytes: 32 * KIB,
  maxCacheObjects: 16,
  maxSessionsPerConnection: SESSIONS_PER_CONNECTION,
  handshakeTimeoutMs: 2000,
  packetTimeoutMs: 500,
  pingTimeoutMs: 2000,
  stallTimeoutMs: 2000,
  drainTimeoutMs: 50,
} as const;

export const CLIENT_LIMITS = {
  maxPacketBytes: 32 * KIB,
  maxBufferedResultBytes: 64 * KIB,
  maxOutboxBytes: 64 * KIB,
  maxWaitingSubmits: 64,
  openTimeoutMs: 500,
  closeTimeoutMs: 500,
  requestTimeoutMs: 100,
  pingTimeoutMs: 2000,
} as const;

/** A connection holds a packet, what waits to be sent, and for every session what waits for it and its cache. */
const PER_CONNECTION =
  SERVER_LIMITS.maxPacketBytes +
  SERVER_LIMITS.highWaterBytes +
  SERVER_LIMITS.maxOutboxBytes +
  SESSIONS_PER_CONNECTION * (SERVER_LIMITS.maxQueuedBytes + SERVER_LIMITS.maxCacheBytes);
/** Node itself, compiled code, QUIC, and garbage that is still to be collected. */
const PROCESS_BYTES = 192 * MIB;

/** Resident bytes of an attacked process at any time. */
export const MAX_RESIDENT_BYTES = PROCESS_BYTES + CONNECTIONS * PER_CONNECTION;
/** Bytes by which the heap may differ between two full collections with no client connected. */
export const MAX_GROWTH_BYTES = 16 * MIB;
