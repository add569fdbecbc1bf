import { DEFAULT_MAX_PACKET_BYTES, SchemaRegistry, shownValue, shownWord, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { type Complete, readOptions } from '../base/options.js';
import type { SlowReaderPolicy } from '../connection/outbox.js';
import { MAX_TIMER_MS } from '../timer-limit.js';
import type { TransportKind } from '../transport/contract.js';
import { AllowAllServerPolicy, type Authorize, type NnrpServerPolicy, policyOf } from './policy.js';

/** Options of a server; what is left out, or undefined, has the default of the protocol's reference configuration where that names one. */
export interface NnrpServerOptions {
  /** The transport a listener must have; default tcp (bindTcp, bindTls) or the listener's own kind (fromListener). */
  readonly transport?: TransportKind | undefined;
  /** Profile ids that sessions may ask for; default [token]. */
  readonly supportedProfiles?: readonly number[] | undefined;
  /** Kinds of objects that clients may put into their session's cache, see CacheObjectKind; default none. */
  readonly supportedCacheObjects?: readonly number[] | undefined;
  /** Objects in the cache of one session; 0 = no limit on the count; default 0. */
  readonly maxCacheObjects?: number | undefined;
  /** Bytes of one cached object; 0 = whatever fits a packet; default 0. */
  readonly maxCacheObjectBytes?: number | undefined;
  /**
   * Bytes of all cached objects and schemas of one session, each counted as its body and what it costs besides (1 KiB); a put
   * above it is rejected; default 64 MiB.
   */
  readonly maxCacheBytes?: number | undefined;
  /** The same for all sessions of one connection; default 128 MiB. */
  readonly maxCacheBytesPerConnection?: number | undefined;
  /** The same for the whole server; default 1 GiB. */
  readonly maxCacheBytesTotal?: number | undefined;
  /** Schemas that sessions may name; default the standard token-delta schema. */
  readonly schemaRegistry?: SchemaRegistry | undefined;
  /** Bytes of a resume token announced to sessions that allow resuming, 0 for none; default 24. */
  readonly resumeTokenBytes?: number | undefined;
  /**
   * Operations of one session in flight at once, announced in the ack; a session that wishes more is refused, and a
   * submit above it is answered with RESULT_DROP and FLOW_UPDATE. 0 = no limit; default 4.
   */
  readonly maxInFlightOperations?: number | undefined;
  /**
   * Operations that a client should have in flight at once until told otherwise, announced in the ack. 0 = none: its submits
   * wait until `sendFlowUpdate` grants some; default 2.
   */
  readonly grantedOperationCredit?: number | undefined;
  /** Lease lifetime announced in the ack, and the longest of a cached object, in milliseconds; default 30000. */
  readonly leaseTtlMs?: number | undefined;
  /** Resume window announced in the ack, in milliseconds; default 120000. */
  readonly resumeWindowMs?: number | undefined;
  /** Asked for every session that the rules above allow; default allows all. */
  readonly applicationPolicy?: NnrpServerPolicy | undefined;
  /**
   * The same as one function, which gets what the policy's method gets. It grants by true or by returning nothing, or by a
   * SessionGrant; it refuses by false (auth_failed), by a code, or by throwing. Not beside `applicationPolicy`; default none.
   */
  readonly authorize?: Authorize | undefined;
  /** Confirms allow_background_results to sessions that ask for it; default false. */
  readonly backgroundResults?: boolean | undefined;
  /** Confirms allow_cache_leases to sessions that ask for it; default false. */
  readonly cacheLeases?: boolean | undefined;
  /** Confirms allow_schema_override: such a session may install schemas of its own by CACHE_PUT; default false. */
  readonly schemaOverride?: boolean | undefined;
  /**
   * Drops an operation that has no result when its latency_budget_ms, else the session's default_deadline_ms, is over,
   * and aborts its signal; default true. See `enforceReferenceDeadlines`.
   */
  readonly deadlines?: boolean | undefined;
  /**
   * Keeps the default_deadline_ms of clients that have not announced themselves, too. Reference clients always send 500,
   * whatever their work needs; a latency_budget_ms of their own is kept in any case; default false.
   */
  readonly enforceReferenceDeadlines?: boolean | undefined;
  /** Refuses submits with what the documents forbid and preview3 peers accept; default false. */
  readonly strict?: boolean | undefined;
  /**
   * Sends the message of whatever a handler or the policy throws to clients that know ERROR, who read 'the handler failed'
   * or "the server's policy failed" otherwise. It may tell them what they should not know. A HandlerError is for the client,
   * whatever this says; default false.
   */
  readonly exposeHandlerErrors?: boolean | undefined;
  /**
   * Largest packet in bytes. A submit that is larger costs its frame, anything else its connection; a client that has announced
   * itself is told, and does not send it; default 64 MiB.
   */
  readonly maxPacketBytes?: number | undefined;
  /** Largest packet in bytes of a connection without a session: room for token and authentication; default 64 KiB. */
  readonly maxHandshakePacketBytes?: number | undefined;
  /** How long a connection may go without a session, in milliseconds; then it is closed; default 10000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * How long the policy may take to decide on a session, in milliseconds; then that session is refused with
   * auth_failed. Less than a client waits for its answer, which it would otherwise give up first; default 5000, or
   * `handshakeTimeoutMs` where that is less.
   */
  readonly policyTimeoutMs?: number | undefined;
  /** How long a packet may take to arrive once it has begun, in milliseconds, 0 = any; default 60000. */
  readonly packetTimeoutMs?: number | undefined;
  /**
   * How long a connection may be silent while nothing is in flight, in milliseconds, 0 = for ever; then its sessions are
   * closed with idle_timeout. PING and PONG are signs of life, so it is for clients with whom nobody keeps the connection
   * alive; an operation that waits because its client has paused it counts as nothing; default 300000.
   */
  readonly idleTimeoutMs?: number | undefined;
  /** Sends PING to clients that know it after this silence, in milliseconds, 0 = never; default 15000. */
  readonly keepAliveMs?: number | undefined;
  /** How long a PONG may take, in milliseconds; then the connection is given up; default 10000. */
  readonly pingTimeoutMs?: number | undefined;
  /** How long `close` waits for frames in progress, in milliseconds; default 5000. */
  readonly drainTimeoutMs?: number | undefined;
  /**
   * Connections at once, those that are being closed included. When there are as many, the oldest of these is cut, or one
   * without a session gives way that has had a second; otherwise the newcomer is told that the server is full, if it
   * understands that, and closed; default 10000.
   */
  readonly maxConnections?: number | undefined;
  /**
   * Connections without a session at once, of those, 0 = no limit. Of more, the oldest silent one is closed, else the oldest;
   * default half of maxConnections, but at least 64.
   */
  readonly maxUnopenedConnections?: number | undefined;
  /**
   * The same for one address: an IPv4 address, or the /64 of an IPv6 address. Behind a proxy, which has one address for
   * everybody, 0 = no limit may be better; default a tenth of maxConnections, but at least 64.
   */
  readonly maxUnopenedPerAddress?: number | undefined;
  /**
   * Sessions that the policy may refuse to one address with auth_failed, which may be guesses at a token. A fifth of them is
   * answered at once, further ones wait 100 ms, twice as long each time, up to 3 s; after the last one connections of the
   * address without a session are closed for `refusalPauseMs`. 0 = any number, for servers behind a proxy; default 50.
   */
  readonly refusalsPerAddress?: number | undefined;
  /**
   * How long an address is shut out that has had `refusalsPerAddress`, in milliseconds. In each such time a fifth of its
   * refusals is forgotten; default 10000.
   */
  readonly refusalPauseMs?: number | undefined;
  /** Sessions at once over all connections; more are refused with session_limit_reached; default 65536. */
  readonly maxSessions?: number | undefined;
  /** Sessions at once on one connection; more are refused with session_limit_reached; default 1024. */
  readonly maxSessionsPerConnection?: number | undefined;
  /** Submits that one session may have waiting for `receiveSubmit` before its connection stops reading; default 256. */
  readonly maxQueuedSubmits?: number | undefined;
  /**
   * Bytes of waiting submits of one session before its connection stops reading, each counted as the memory that it keeps and
   * what it costs besides (1 KiB); default 64 MiB.
   */
  readonly maxQueuedBytes?: number | undefined;
  /** The same for all sessions of one connection, for submits that wait for a handler as well; default 128 MiB. */
  readonly maxQueuedBytesPerConnection?: number | undefined;
  /**
   * The same for the whole server; default 512 MiB. From half of it on, connections are not read that have more than their
   * share of the half; from all of it on, none that adds to it.
   */
  readonly maxQueuedBytesTotal?: number | undefined;
  /**
   * Bytes of all requests for sessions that a policy decides on, with what waits behind them (at most 1 MiB and one packet of
   * a connection), before connections that add to them are not read; default 256 MiB.
   */
  readonly maxOpeningBytesTotal?: number | undefined;
  /**
   * Bytes of authentication that all connections have sent with CLIENT_HELLO, kept for their policies; a connection that would
   * have more than its share of half of it is refused when there is no room; default 256 MiB.
   */
  readonly maxHelloBytesTotal?: number | undefined;
  /** Bytes waiting in the network layer of a connection above which senders are asked to wait; default 1 MiB. */
  readonly highWaterBytes?: number | undefined;
  /** Bytes that senders who do not wait may pile up on top of that, per connection; default 16 MiB. */
  readonly maxOutboxBytes?: number | undefined;
  /** What happens above that: the connection ends, or the oldest partial results are left out; default disconnect. */
  readonly slowReader?: SlowReaderPolicy | undefined;
  /**
   * How long a peer may take nothing while bytes wait for it, or less than 500 bytes a second, whatever it sends meanwhile,
   * in milliseconds, 0 = any; default 30000.
   */
  readonly stallTimeoutMs?: number | undefined;
}

/** With all defaults filled in; `authorize` is its `applicationPolicy`. */
export type NnrpServerConfig = Omit<Complete<NnrpServerOptions>, 'authorize'>;

const U16 = 0xffff;
const U32 = 0xffffffff;

/** Field, default, smallest and largest value of every numeric option. */
const NUMBERS = [
  ['maxCacheObjects', 0, 0, U32],
  ['maxCacheObjectBytes', 0, 0, U32],
  ['maxCacheBytes', DEFAULT_MAX_PACKET_BYTES, 1, Number.MAX_SAFE_INTEGER],
  ['maxCacheBytesPerConnection', 128 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['maxCacheBytesTotal', 1024 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER],
  ['resumeTokenBytes', 24, 0, 4096],
  ['maxInFlightOperations', 4, 0, U16],
  ['grantedOperationCredit', 2, 0, U16],
  ['leaseTtlMs', 30_000, 0, U32],
  ['resumeWindowMs', 120_000, 0, U32],
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

/** Limits for strangers: field, and which part of maxConnections it is by default. */
const SHARES = [
  ['maxUnopenedConnections', 2],
  ['maxUnopenedPerAddress', 10],
] as const;
/** Clients that begin at the same time must not push each other out of a small server. */
const LEAST_SHARE = 64;

const SWITCHES = [
  ['backgroundResults', false],
  ['cacheLeases', false],
  ['schemaOverride', false],
  ['deadlines', true],
  ['enforceReferenceDeadlines', false],
  ['strict', false],
  ['exposeHandlerErrors', false],
] as const;

const OPTIONS: ReadonlySet<string> = new Set<string>([
  ...NUMBERS.map(([name]) => name),
  ...SHARES.map(([name]) => name),
  ...SWITCHES.map(([name]) => name),
  'transport',
  'supportedProfiles',
  'supportedCacheObjects',
  'schemaRegistry',
  'applicationPolicy',
  'authorize',
  'slowReader',
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
    refuse('slowReader', "'disconnect' or 'drop_oldest_partial'", slowReader, shownWord(slowReader));
  }
  const { schemaRegistry = new SchemaRegistry([preview3.TOKEN_DELTA_SCHEMA]) } = config;
  if (typeof schemaRegistry?.has !== 'function' || typeof schemaRegistry.overlay !== 'function')
    refuse('schemaRegistry', 'a SchemaRegistry', schemaRegistry);
  const { supportedProfiles = [preview3.ProfileId.Token], supportedCacheObjects = [] } = config;
  const given = numbers(config);
  return {
    ...given,
    policyTimeoutMs: config.policyTimeoutMs ?? Math.min(given.policyTimeoutMs, given.handshakeTimeoutMs),
    ...shares(config, given.maxConnections),
    ...switches(config),
    transport,
    slowReader,
    supportedProfiles: ids('supportedProfiles', supportedProfiles),
    supportedCacheObjects: cacheObjectKinds(supportedCacheObjects),
    schemaRegistry,
    applicationPolicy: policy(config),
  };
}

function policy({ applicationPolicy, authorize }: NnrpServerOptions): NnrpServerPolicy {
  if (authorize !== undefined) {
    if (typeof authorize !== 'function') refuse('authorize', 'a function', authorize);
    if (applicationPolicy !== undefined) refuse('authorize', 'the place of applicationPolicy', authorize, 'both');
    return policyOf(authorize);
  }
  if (applicationPolicy === undefined) return new AllowAllServerPolicy();
  if (typeof applicationPolicy?.validateSessionOpen !== 'function') {
    refuse('applicationPolicy', 'an object with a method validateSessionOpen', applicationPolicy);
  }
  return applicationPolicy;
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
  return refuse(name, `an integer of ${least} to ${most}`, value);
}

function switches(config: NnrpServerOptions) {
  return Object.fromEntries(
    SWITCHES.map(([name, fallback]) => {
      const given: unknown = config[name];
      const value = given === undefined ? fallback : given;
      if (typeof value !== 'boolean') refuse(name, 'true or false', value);
      return [name, value];
    }),
  ) as { [Name in (typeof SWITCHES)[number][0]]: boolean };
}

function ids(field: string, value: readonly number[]): readonly number[] {
  if (!Array.isArray(value) || value.some((id) => !Number.isInteger(id) || id < 0 || id > U16)) {
    refuse(field, 'ids of 0 to 65535', value);
  }
  return [...value];
}

function cacheObjectKinds(value: readonly number[]): readonly number[] {
  const kinds = ids('supportedCacheObjects', value);
  const unknown = kinds.find((kind) => !CACHE_OBJECT_KINDS.includes(kind));
  if (unknown !== undefined) refuse('supportedCacheObjects', 'values of CacheObjectKind', unknown);
  return kinds;
}

function refuse(field: string, expected: string, got: unknown, shown = shownValue(got)): never {
  throw new UsageError(`server configuration: ${field} takes ${expected}, got ${shown}`);
}
