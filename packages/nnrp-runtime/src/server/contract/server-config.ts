import { DEFAULT_MAX_PACKET_BYTES, SchemaRegistry, shownPlain, shownWord, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { isLogger, LOGGER_KIND, type Logger } from '../../base/application/logger.js';
import { type Complete, readOptions } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { MAX_TOKEN_BYTES } from '../../connection/recovery/resume-grant.js';
import { REVISION_CHOICES, type RevisionChoice } from '../../connection/revision/revision-name.js';
import type { SlowReaderPolicy } from '../../connection/sending/outbox.js';
import type { TransportKind } from '../../transport/contract/contract.js';
import { type Authorize, configuredPolicy, type NnrpServerPolicy } from './policy.js';
import { SWITCHES, serverSwitches } from './switch-options.js';

/** Options of a server; what is left out, or undefined, has the default of the protocol's reference configuration where that names one. */
export interface NnrpServerOptions {
  /** The transport that each listener must have; default tcp (bindTcp, bindTls) or the listener's own kind (fromListener, listenOn). */
  readonly transport?: TransportKind | undefined;
  /**
   * The revision of the wire that clients speak. `auto`: the first packet of a connection tells, a CLIENT_HELLO that does not announce
   * a client of this library over preview3 is preview4's; default auto.
   */
  readonly revision?: RevisionChoice | undefined;
  /** Profile ids that sessions may ask for; default [token]. */
  readonly supportedProfiles?: readonly number[] | undefined;
  /** Kinds of objects that clients may put into their session's cache, see CacheObjectKind; default none. */
  readonly supportedCacheObjects?: readonly number[] | undefined;
  /** Objects in the cache of one session. 0 = no limit on the count; default 0. */
  readonly maxCacheObjects?: number | undefined;
  /** Bytes of one cached object. 0 = as many as fit in a packet; default 0. */
  readonly maxCacheObjectBytes?: number | undefined;
  /**
   * Bytes of all cached objects and schemas of one session. Each counts as its body and 1 KiB for what keeps it. A put above
   * the limit is rejected; default 64 MiB.
   */
  readonly maxCacheBytes?: number | undefined;
  /** The same for all sessions of one connection; default 128 MiB. */
  readonly maxCacheBytesPerConnection?: number | undefined;
  /** The same for the whole server; default 1 GiB. */
  readonly maxCacheBytesTotal?: number | undefined;
  /** Schemas that sessions may name; default the standard token-delta schema. */
  readonly schemaRegistry?: SchemaRegistry | undefined;
  /** Bytes of the resume token that is announced to sessions which allow resuming. 0 = none; default 24. */
  readonly resumeTokenBytes?: number | undefined;
  /**
   * Operations of one session in flight at once, announced in the ack. A session that asks for more is refused; a submit
   * above the limit is answered with RESULT_DROP and FLOW_UPDATE. 0 = no limit; default 4, or `grantedOperationCredit` where
   * that alone is given and is more.
   */
  readonly maxInFlightOperations?: number | undefined;
  /**
   * Operations that a client may have in flight at once until it is told otherwise, announced in the ack. 0 = none: submits
   * wait until `sendFlowUpdate` grants some; default 2, or `maxInFlightOperations` where that alone is given (65535 when it is
   * 0).
   */
  readonly grantedOperationCredit?: number | undefined;
  /** Lifetime of a lease, announced in the ack, and the longest of a cached object, in milliseconds; default 30000. */
  readonly leaseTtlMs?: number | undefined;
  /** How long a session can be resumed after the loss of its connection, announced in the ack, in milliseconds. 0 = not at all; default 120000. */
  readonly resumeWindowMs?: number | undefined;
  /** Sessions without a connection that wait to be resumed. Of more, those of the address that has most go, the oldest first; default half of maxSessions. */
  readonly maxSuspendedSessions?: number | undefined;
  /** Bytes that are kept for a session without a connection before its partial results have to wait, overhead counted; default 1 MiB. */
  readonly maxSuspendedBytes?: number | undefined;
  /**
   * The same for all of them. At half of it partial results of all have to wait; above it sessions are given up, of the
   * address that holds most the oldest first; default 64 MiB.
   */
  readonly maxSuspendedBytesTotal?: number | undefined;
  /**
   * Resumes sessions of clients that announce the length of a token and send none, as the reference client does. Any client
   * can then take over a session whose id it guesses, so it is for tests; default false.
   */
  readonly acceptAnnouncedResume?: boolean | undefined;
  /** Decides on every session that the limits and profiles above allow; default allows all. */
  readonly applicationPolicy?: NnrpServerPolicy | undefined;
  /**
   * The same as one function, with the arguments of the policy's method. To grant, it returns true, nothing or a
   * SessionGrant; to refuse, it returns false (auth_failed) or a code, or throws. Not together with `applicationPolicy`;
   * default none.
   */
  readonly authorize?: Authorize | undefined;
  /** Confirms allow_background_results to sessions that ask for it; default false. */
  readonly backgroundResults?: boolean | undefined;
  /** Confirms allow_cache_leases to sessions that ask for it; default false. */
  readonly cacheLeases?: boolean | undefined;
  /** Confirms allow_schema_override: such a session may install schemas of its own by CACHE_PUT; default false. */
  readonly schemaOverride?: boolean | undefined;
  /**
   * Drops an operation and aborts its signal when it has no result in time: its latency_budget_ms, or the session's
   * default_deadline_ms. 'report': the operation tells its deadline, and changes of it are events, but nothing is dropped for it;
   * default true. See `enforceReferenceDeadlines`.
   */
  readonly deadlines?: DeadlineChoice | undefined;
  /**
   * Keeps the default_deadline_ms also of clients that have not announced themselves. Reference clients always send 500,
   * whatever their work needs. A latency_budget_ms is kept in any case; default false.
   */
  readonly enforceReferenceDeadlines?: boolean | undefined;
  /**
   * Refuses submits that the documents forbid, although preview3 peers accept them, and over preview4 capabilities that are no list of
   * registered tokens, as servers from release 4.26 on do; default false.
   */
  readonly strict?: boolean | undefined;
  /**
   * Sends the message of an error that a handler or the policy throws to clients that know ERROR. Otherwise they read 'the
   * handler failed' or "the server's policy failed". The message may hold what clients should not know. A HandlerError is
   * sent in any case; default false.
   */
  readonly exposeHandlerErrors?: boolean | undefined;
  /** A listener that fails ends the others with it, and with them the server; default false, and true for a set of `routes`. */
  readonly listenersTogether?: boolean | undefined;
  /**
   * Bytes of the largest packet. A larger submit is dropped; any other larger packet ends the connection. A client that has
   * announced itself is told the limit, and keeps it; default 64 MiB.
   */
  readonly maxPacketBytes?: number | undefined;
  /** Bytes of the largest packet on a connection without a session: room for token and authentication; default 64 KiB. */
  readonly maxHandshakePacketBytes?: number | undefined;
  /** Milliseconds that a connection may be open without a session; then it is closed; default 10000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Milliseconds that the policy may take to decide on a session; then the session is refused with auth_failed. It should be
   * less than clients wait for the answer; default 5000, or `handshakeTimeoutMs` where that is less.
   */
  readonly policyTimeoutMs?: number | undefined;
  /** Milliseconds that a packet may take to arrive once its first byte has. 0 = no limit; default 60000. */
  readonly packetTimeoutMs?: number | undefined;
  /**
   * Milliseconds that a connection may be silent while no operation is in flight; then its sessions are closed with
   * idle_timeout. PING and PONG end a silence. An operation that its client has paused does not count. 0 = no limit; default
   * 300000.
   */
  readonly idleTimeoutMs?: number | undefined;
  /** Milliseconds of silence after which a client that knows PING is sent one. 0 = never; default 15000. */
  readonly keepAliveMs?: number | undefined;
  /** Milliseconds that a PONG may take; then the connection is given up; default 10000. */
  readonly pingTimeoutMs?: number | undefined;
  /** Milliseconds that `close` waits for frames in progress; default 5000. */
  readonly drainTimeoutMs?: number | undefined;
  /**
   * Connections at once, those that are being closed included. Above the limit, the connection that has been closing longest
   * is cut. Else one without a session makes room, if it has had a second. Else the new one is told that the server is full
   * when it asks for a session, and is closed; default 10000.
   */
  readonly maxConnections?: number | undefined;
  /**
   * Connections without a session at once, of those above. One too many closes the oldest that is silent, else the oldest. 0
   * = no limit; default half of maxConnections, but at least 64.
   */
  readonly maxUnopenedConnections?: number | undefined;
  /**
   * The same for one address: an IPv4 address, or the /64 of an IPv6 address. Behind a proxy all clients have one address: 0
   * = no limit may be better there; default a tenth of maxConnections, but at least 64.
   */
  readonly maxUnopenedPerAddress?: number | undefined;
  /**
   * Sessions that the policy may refuse to one address with auth_failed, each of which may be a guess at a token. The first
   * fifth of them is answered at once; each further one waits twice as long as the one before, from 100 ms up to 3 s. After
   * the last one, connections of the address without a session are closed for `refusalPauseMs`. 0 = no limit, for servers
   * behind a proxy; default 50.
   */
  readonly refusalsPerAddress?: number | undefined;
  /**
   * Milliseconds that an address is shut out after `refusalsPerAddress`. In each such time a fifth of its refusals is
   * forgotten; default 10000.
   */
  readonly refusalPauseMs?: number | undefined;
  /** Sessions at once over all connections; more are refused with session_limit_reached; default 65536. */
  readonly maxSessions?: number | undefined;
  /** Sessions at once on one connection; more are refused with session_limit_reached; default 1024. */
  readonly maxSessionsPerConnection?: number | undefined;
  /** Submits of one session that may wait for `receiveSubmit`; then its connection is not read; default 256. */
  readonly maxQueuedSubmits?: number | undefined;
  /**
   * Bytes of submits of one session that may wait; then its connection is not read. Each counts as the memory that it holds
   * and 1 KiB for what keeps it; default 64 MiB.
   */
  readonly maxQueuedBytes?: number | undefined;
  /** The same for all sessions of one connection, submits that wait for a handler included; default 128 MiB. */
  readonly maxQueuedBytesPerConnection?: number | undefined;
  /**
   * The same for the whole server; default 512 MiB. From half of it on, connections that hold more than their share of the
   * half are not read; from all of it on, no connection that adds to it is.
   */
  readonly maxQueuedBytesTotal?: number | undefined;
  /**
   * Bytes of all requests for sessions that a policy decides on, with what waits behind them (of one connection at most 1 MiB
   * and one packet); then connections that add to them are not read; default 256 MiB.
   */
  readonly maxOpeningBytesTotal?: number | undefined;
  /**
   * Bytes of authentication in the CLIENT_HELLOs of all connections, kept for the policy. When there is no room, a connection
   * is refused that would have more than its share of half of it; default 256 MiB.
   */
  readonly maxHelloBytesTotal?: number | undefined;
  /** Milliseconds for a client that asks to move, where no handler decides. 0 = it is refused; default 10000. */
  readonly migrationGraceMs?: number | undefined;
  /** Bytes that may wait in the network layer of a connection; above them, senders are asked to wait; default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
  /** Bytes that senders which do not wait may add to those, per connection; default 16 MiB. */
  readonly maxOutboxBytes?: number | undefined;
  /**
   * What happens above `maxOutboxBytes`: the connection ends, or the oldest partial results are left out; default disconnect.
   */
  readonly slowReader?: SlowReaderPolicy | undefined;
  /**
   * Milliseconds that a peer may take nothing of what waits for it, or less than 500 bytes a second, whatever it sends
   * meanwhile. 0 = no limit; default 30000.
   */
  readonly stallTimeoutMs?: number | undefined;
  /** Takes what the events tell as lines of a log: an object with the methods of a pino logger; default none. */
  readonly logger?: Logger | undefined;
}

/** What becomes of operations that have no result in time. */
export type DeadlineChoice = boolean | 'report';

/** With all defaults filled in; `authorize` is its `applicationPolicy`. */
export type NnrpServerConfig = Omit<Complete<NnrpServerOptions>, 'authorize' | 'logger'> &
  Pick<NnrpServerOptions, 'logger'>;

const U16 = 0xffff;
const U32 = 0xffffffff;

/** Field, default, smallest and largest value of every numeric option. */
const NUMBERS = [
  ['maxCacheObjects', 0, 0, U32],
  ['maxCacheObjectBytes', 0, 0, U32],
  ['maxCacheBytes', DEFAULT_MAX_PACKET_BYTES, 1, Number.MAX_SAFE_INTEGER],
  ['maxCacheBytesPerConnection', 128 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['maxCacheBytesTotal', 1024 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['resumeTokenBytes', 24, 0, MAX_TOKEN_BYTES],
  ['maxInFlightOperations', 4, 0, U16],
  ['grantedOperationCredit', 2, 0, U16],
  ['leaseTtlMs', 30_000, 0, U32],
  ['resumeWindowMs', 120_000, 0, U32],
  ['migrationGraceMs', 10_000, 0, MAX_TIMER_MS],
  ['maxSuspendedBytes', 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['maxSuspendedBytesTotal', 64 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['maxPacketBytes', DEFAULT_MAX_PACKET_BYTES, 256, U32],
  ['maxHandshakePacketBytes', 65_536, 256, U32],
  ['handshakeTimeoutMs', 10_000, 1, MAX_TIMER_MS],
  ['policyTimeoutMs', 5_000, 1, MAX_TIMER_MS],
  ['packetTimeoutMs', 60_000, 0, MAX_TIMER_MS],
  ['idleTimeoutMs', 300_000, 0, MAX_TIMER_MS],
  ['keepAliveMs', 15_000, 0, MAX_TIMER_MS],
  ['pingTimeoutMs', 10_000, 1, MAX_TIMER_MS],
  ['drainTimeoutMs', 5_000, 0, MAX_TIMER_MS],
  ['maxConnections', 10_000, 1, U32],
  ['refusalsPerAddress', 50, 0, U32],
  ['refusalPauseMs', 10_000, 1, MAX_TIMER_MS],
  ['maxSessions', 65_536, 1, U32],
  ['maxSessionsPerConnection', 1024, 1, U32],
  ['maxQueuedSubmits', 256, 1, U32],
  ['maxQueuedBytes', DEFAULT_MAX_PACKET_BYTES, 1, U32],
  ['maxQueuedBytesPerConnection', 128 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['maxQueuedBytesTotal', 512 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['maxOpeningBytesTotal', 256 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['maxHelloBytesTotal', 256 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['highWaterBytes', 1024 * 1024, 1, U32],
  ['maxOutboxBytes', 16 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['stallTimeoutMs', 30_000, 0, MAX_TIMER_MS],
] as const;

type InFlightLimits = Pick<NnrpServerConfig, 'maxInFlightOperations' | 'grantedOperationCredit'>;

/** Limits for strangers: field, and which part of maxConnections it is by default. */
const SHARES = [
  ['maxUnopenedConnections', 2],
  ['maxUnopenedPerAddress', 10],
] as const;
/** Clients that begin at the same time must not push each other out of a small server. */
const LEAST_SHARE = 64;

const OPTIONS: ReadonlySet<string> = new Set<string>([
  ...NUMBERS.map(([name]) => name),
  ...SHARES.map(([name]) => name),
  ...SWITCHES.map(([name]) => name),
  'maxSuspendedSessions',
  'transport',
  'revision',
  'deadlines',
  'supportedProfiles',
  'supportedCacheObjects',
  'schemaRegistry',
  'applicationPolicy',
  'authorize',
  'slowReader',
  'logger',
]);

const CACHE_OBJECT_KINDS: readonly number[] = Object.values(preview3.CacheObjectKind);

/**
 * Fills in defaults and refuses what cannot work.
 *
 * @throws UsageError that names the field, what it takes and what it got; unknown fields are refused too
 */
export function serverConfig(options: NnrpServerOptions, transport: TransportKind): NnrpServerConfig {
  const config = readOptions('server configuration', options, OPTIONS);
  const wanted = config.transport === undefined ? transport : config.transport;
  if (wanted !== transport) {
    throw new UsageError(`server configuration: transport is ${shownWord(wanted)}, but the listener is ${transport}`);
  }
  const { slowReader = 'disconnect' } = config;
  if (slowReader !== 'disconnect' && slowReader !== 'drop_oldest_partial') {
    invalidOption('slowReader', "'disconnect' or 'drop_oldest_partial'", slowReader, shownWord(slowReader));
  }
  const { revision = 'auto' } = config;
  if (!REVISION_CHOICES.includes(revision)) {
    invalidOption('revision', "'preview3', 'preview4' or 'auto'", revision, shownWord(revision));
  }
  const { logger, deadlines = true } = config;
  if (typeof deadlines !== 'boolean' && deadlines !== 'report') {
    invalidOption('deadlines', "true, false or 'report'", deadlines, shownWord(deadlines));
  }
  if (logger !== undefined && !isLogger(logger)) invalidOption('logger', LOGGER_KIND, logger);
  const { schemaRegistry = new SchemaRegistry([preview3.TOKEN_DELTA_SCHEMA]) } = config;
  if (typeof schemaRegistry?.has !== 'function' || typeof schemaRegistry.overlay !== 'function')
    invalidOption('schemaRegistry', 'a SchemaRegistry', schemaRegistry);
  const { supportedProfiles = [preview3.ProfileId.Token], supportedCacheObjects = [] } = config;
  const given = numbers(config);
  return {
    ...given,
    ...inFlight(config, given),
    policyTimeoutMs: config.policyTimeoutMs ?? Math.min(given.policyTimeoutMs, given.handshakeTimeoutMs),
    ...shares(config, given.maxConnections),
    maxSuspendedSessions: integer(
      'maxSuspendedSessions',
      config.maxSuspendedSessions === undefined ? Math.ceil(given.maxSessions / 2) : config.maxSuspendedSessions,
      0,
      U32,
    ),
    ...serverSwitches(config, invalidOption),
    transport,
    revision,
    deadlines,
    slowReader,
    supportedProfiles: ids('supportedProfiles', supportedProfiles),
    supportedCacheObjects: cacheObjectKinds(supportedCacheObjects),
    schemaRegistry,
    applicationPolicy: configuredPolicy(config, invalidOption),
    ...(logger !== undefined && { logger }),
  };
}

/** One limit is enough to give: the other follows from it, and never makes less of what is given. */
function inFlight(config: NnrpServerOptions, { maxInFlightOperations, grantedOperationCredit }: InFlightLimits) {
  if (config.grantedOperationCredit === undefined && config.maxInFlightOperations !== undefined)
    return { maxInFlightOperations, grantedOperationCredit: maxInFlightOperations || U16 };
  if (config.maxInFlightOperations === undefined && config.grantedOperationCredit !== undefined) {
    // No less than the default: a session that asks for that many is still let in.
    return { maxInFlightOperations: Math.max(maxInFlightOperations, grantedOperationCredit), grantedOperationCredit };
  }
  return { maxInFlightOperations, grantedOperationCredit };
}

function numbers(config: NnrpServerOptions) {
  return Object.fromEntries(
    NUMBERS.map(([name, fallback, least, most]) => {
      const given: unknown = config[name];
      return [name, integer(name, given === undefined ? fallback : given, least, most)];
    }),
  ) as { [Name in (typeof NUMBERS)[number][0]]: number };
}

function shares(config: NnrpServerOptions, maxConnections: number) {
  return Object.fromEntries(
    SHARES.map(([name, part]) => {
      const given: unknown = config[name];
      const fallback = Math.min(maxConnections, Math.max(LEAST_SHARE, Math.ceil(maxConnections / part)));
      return [name, integer(name, given === undefined ? fallback : given, 0, U32)];
    }),
  ) as { [Name in (typeof SHARES)[number][0]]: number };
}

function integer(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return invalidOption(name, `an integer of ${least} to ${most}`, value);
}

function ids(field: string, value: readonly number[]): readonly number[] {
  if (!Array.isArray(value) || value.some((id) => !Number.isInteger(id) || id < 0 || id > U16)) {
    invalidOption(field, 'ids of 0 to 65535', value);
  }
  return [...value];
}

function cacheObjectKinds(value: readonly number[]): readonly number[] {
  const kinds = ids('supportedCacheObjects', value);
  const unknown = kinds.find((kind) => !CACHE_OBJECT_KINDS.includes(kind));
  if (unknown !== undefined) invalidOption('supportedCacheObjects', 'values of CacheObjectKind', unknown);
  return kinds;
}

function invalidOption(field: string, expected: string, got: unknown, shown = shownPlain(got)): never {
  throw new UsageError(`server configuration: ${field} takes ${expected}, got ${shown}`);
}
