import { DEFAULT_MAX_PACKET_BYTES, preview3, UsageError } from 'nnrp-core';
import type { BodyInput } from '../connection/body-bytes.js';

/** Options of a client's connection. */
export interface NnrpClientConfig {
  /** Milliseconds for the TCP connection to come about; default 10000. */
  readonly connectTimeoutMs: number;
  /** Milliseconds for a session to be answered; default 10000. */
  readonly openTimeoutMs: number;
  /** Milliseconds for a close to be confirmed, on top of its drain timeout; default 5000. */
  readonly closeTimeoutMs: number;
  /** Largest packet in bytes; a header that declares more ends the connection; default 64 MiB. */
  readonly maxPacketBytes: number;
  /** Bytes of results that may wait unread, over all sessions, before reading stops; default 64 MiB. */
  readonly maxBufferedResultBytes: number;
}

/** What a client asks for when it opens a session. */
export interface SessionOptions {
  /** Wanted id; 0 lets the server choose; default 0. */
  readonly requestedSessionId: number;
  /** Default token. */
  readonly profileId: number;
  /** Default schema of the session; default the standard token-delta schema. */
  readonly schemaId: number;
  readonly schemaVersion: number;
  /** Default balanced. */
  readonly priorityClass: preview3.SessionPriorityClass;
  /** Default deadline of the session's work in milliseconds; default 500. */
  readonly defaultDeadlineMs: number;
  /** Wanted operations in progress at once; a server refuses more than its own limit, 0 = no wish; default 4. */
  readonly maxInFlightOperations: number;
  /** Wanted lease lifetime in milliseconds; default 30000. */
  readonly leaseTtlHintMs: number;
  /** Session flags beyond those that other options set; default 0. */
  readonly sessionFlags: number;
  /** Authentication block, sent in the body; default empty. */
  readonly auth: BodyInput;
  /** Tag by which the client knows the session; default the requested id. */
  readonly clientSessionTag: bigint;
}

const NUMBERS = [
  ['connectTimeoutMs', 10_000],
  ['openTimeoutMs', 10_000],
  ['closeTimeoutMs', 5_000],
  ['maxPacketBytes', DEFAULT_MAX_PACKET_BYTES],
  ['maxBufferedResultBytes', DEFAULT_MAX_PACKET_BYTES],
] as const;

/** @throws UsageError that names the field, what it takes and what it got; unknown fields are refused too */
export function clientConfig(config: Partial<NnrpClientConfig>): NnrpClientConfig {
  for (const field of Object.keys(config)) {
    if (!NUMBERS.some(([name]) => name === field)) {
      throw new UsageError(`client configuration: there is no option '${field}'`);
    }
  }
  return Object.fromEntries(
    NUMBERS.map(([name, fallback]) => {
      const value: unknown = config[name] ?? fallback;
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 0x7fffffff) {
        throw new UsageError(`client configuration: ${name} takes an integer of 1 to 2147483647, got ${String(value)}`);
      }
      return [name, value];
    }),
  ) as { [Name in (typeof NUMBERS)[number][0]]: number };
}

const SESSION_OPTIONS: readonly string[] = [
  'requestedSessionId',
  'profileId',
  'schemaId',
  'schemaVersion',
  'priorityClass',
  'defaultDeadlineMs',
  'maxInFlightOperations',
  'leaseTtlHintMs',
  'sessionFlags',
  'auth',
  'clientSessionTag',
];

/**
 * The request that asks for a session.
 * @throws UsageError on an option that does not exist
 */
export function sessionOpen(options: Partial<SessionOptions>, authBytes = 0): preview3.SessionOpen {
  for (const option of Object.keys(options)) {
    if (!SESSION_OPTIONS.includes(option)) throw new UsageError(`session options: there is no option '${option}'`);
  }
  const { requestedSessionId = 0 } = options;
  return {
    requestedSessionId,
    profileId: options.profileId ?? preview3.ProfileId.Token,
    priorityClass: options.priorityClass ?? preview3.SessionPriorityClass.Balanced,
    sessionFlags: options.sessionFlags ?? 0,
    schemaId: options.schemaId ?? preview3.TOKEN_DELTA_SCHEMA_ID,
    schemaVersion: options.schemaVersion ?? preview3.TOKEN_DELTA_SCHEMA_VERSION,
    defaultDeadlineMs: options.defaultDeadlineMs ?? 500,
    maxInFlightOperations: options.maxInFlightOperations ?? 4,
    leaseTtlHintMs: options.leaseTtlHintMs ?? 30_000,
    resumeTokenBytes: 0,
    authBytes,
    sessionExtensionBytes: 0,
    // An id that is no integer is refused when it is encoded, with the name of its field.
    clientSessionTag:
      options.clientSessionTag ?? (Number.isInteger(requestedSessionId) ? BigInt(requestedSessionId) : 0n),
  };
}
