import { DEFAULT_MAX_PACKET_BYTES, preview3, SchemaRegistry, UsageError } from 'nnrp-core';
import type { TransportKind } from '../transport/contract.js';
import { AllowAllServerPolicy, type NnrpServerPolicy } from './policy.js';

/** Options of a server; each has the default of the protocol's reference configuration where that names one. */
export interface NnrpServerConfig {
  /** The transport a listener must have; default tcp (bindTcp) or the listener's own kind (fromListener). */
  readonly transport: TransportKind;
  /** Profile ids that sessions may ask for; default [token]. */
  readonly supportedProfiles: readonly number[];
  /** Schemas that sessions may name; default the standard token-delta schema. */
  readonly schemaRegistry: SchemaRegistry;
  /** Bytes of a resume token announced to sessions that allow resuming, 0 for none; default 24. */
  readonly resumeTokenBytes: number;
  /** Operations of one session in progress at once, announced in the ack; larger wishes are refused; default 4. */
  readonly maxInFlightOperations: number;
  /** Credit announced in the ack; default 2. */
  readonly grantedOperationCredit: number;
  /** Lease lifetime announced in the ack, in milliseconds; default 30000. */
  readonly leaseTtlMs: number;
  /** Resume window announced in the ack, in milliseconds; default 120000. */
  readonly resumeWindowMs: number;
  /** Asked for every session that the rules above allow; default allows all. */
  readonly applicationPolicy: NnrpServerPolicy;
  /** Largest packet in bytes; a header that declares more ends its connection; default 64 MiB. */
  readonly maxPacketBytes: number;
  /** Largest packet in bytes of a connection without a session: room for token and authentication; default 64 KiB. */
  readonly maxHandshakePacketBytes: number;
  /** How long a connection may go without a session, in milliseconds; then it is closed; default 10000. */
  readonly handshakeTimeoutMs: number;
  /** How long `close` waits for frames in progress, in milliseconds; default 5000. */
  readonly drainTimeoutMs: number;
  /** Connections at once; more are refused; default 10000. */
  readonly maxConnections: number;
  /** Sessions at once over all connections; more are refused with session_limit_reached; default 65536. */
  readonly maxSessions: number;
  /** Sessions at once on one connection; more are refused with session_limit_reached; default 1024. */
  readonly maxSessionsPerConnection: number;
  /** Submits that one session may have waiting for `receiveSubmit` before its connection stops reading; default 256. */
  readonly maxQueuedSubmits: number;
  /** Bytes of waiting submits of one session before its connection stops reading; default 64 MiB. */
  readonly maxQueuedBytes: number;
}

const U16 = 0xffff;
const U32 = 0xffffffff;

/** Field, default, smallest and largest value of every numeric option. */
const NUMBERS = [
  ['resumeTokenBytes', 24, 0, 4096],
  ['maxInFlightOperations', 4, 0, U16],
  ['grantedOperationCredit', 2, 0, U16],
  ['leaseTtlMs', 30_000, 0, U32],
  ['resumeWindowMs', 120_000, 0, U32],
  ['maxPacketBytes', DEFAULT_MAX_PACKET_BYTES, 256, U32],
  ['maxHandshakePacketBytes', 65_536, 256, U32],
  ['handshakeTimeoutMs', 10_000, 1, 0x7fffffff],
  ['drainTimeoutMs', 5_000, 0, 0x7fffffff],
  ['maxConnections', 10_000, 1, U32],
  ['maxSessions', 65_536, 1, U32],
  ['maxSessionsPerConnection', 1024, 1, U32],
  ['maxQueuedSubmits', 256, 1, U32],
  ['maxQueuedBytes', DEFAULT_MAX_PACKET_BYTES, 1, U32],
] as const;

const OTHERS: readonly string[] = ['transport', 'supportedProfiles', 'schemaRegistry', 'applicationPolicy'];

/**
 * Fills in defaults and refuses what cannot work.
 *
 * @throws UsageError that names the field, what it takes and what it got; unknown fields are refused too
 */
export function serverConfig(config: Partial<NnrpServerConfig>, transport: TransportKind): NnrpServerConfig {
  for (const field of Object.keys(config)) {
    if (!OTHERS.includes(field) && !NUMBERS.some(([name]) => name === field)) {
      throw new UsageError(`server configuration: there is no option '${field}'`);
    }
  }
  const numbers = Object.fromEntries(
    NUMBERS.map(([name, fallback, least, most]) => {
      const value: unknown = config[name] ?? fallback;
      if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
        throw new UsageError(
          `server configuration: ${name} takes an integer of ${least} to ${most}, got ${String(value)}`,
        );
      }
      return [name, value];
    }),
  ) as { [Name in (typeof NUMBERS)[number][0]]: number };
  const supportedProfiles = config.supportedProfiles ?? [preview3.ProfileId.Token];
  if (
    !Array.isArray(supportedProfiles) ||
    supportedProfiles.some((id) => !Number.isInteger(id) || id < 0 || id > U16)
  ) {
    throw new UsageError('server configuration: supportedProfiles takes profile ids of 0 to 65535');
  }
  const schemaRegistry = config.schemaRegistry ?? new SchemaRegistry([preview3.TOKEN_DELTA_SCHEMA]);
  if (typeof schemaRegistry.has !== 'function') {
    throw new UsageError('server configuration: schemaRegistry takes a SchemaRegistry');
  }
  const applicationPolicy = config.applicationPolicy ?? new AllowAllServerPolicy();
  if (typeof applicationPolicy.validateSessionOpen !== 'function') {
    throw new UsageError('server configuration: applicationPolicy needs a method validateSessionOpen');
  }
  const wanted = config.transport ?? transport;
  if (wanted !== transport) {
    throw new UsageError(`server configuration: transport is ${wanted}, but the listener is ${transport}`);
  }
  return { ...numbers, transport, supportedProfiles: [...supportedProfiles], schemaRegistry, applicationPolicy };
}
