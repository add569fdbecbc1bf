import { DEFAULT_MAX_PACKET_BYTES, shownValue, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { type Complete, checkOptions, type Given, readOptions } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import type { ExtensionInit } from '../hello/client-announcement.js';
import { type ClientHelloOptions, helloOptions } from '../hello/hello-exchange.js';

/** Options of a client's connection; what is left out, or undefined, has its default. */
export interface NnrpClientOptions {
  /** Milliseconds for the connection to come about, a TLS handshake included; default 10000. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Milliseconds for a session to be answered; after them this open fails alone, and a session that is opened too late is
   * closed again. More than a server gives its policy, see `policyTimeoutMs`; default 15000.
   */
  readonly openTimeoutMs?: number | undefined;
  /** Milliseconds for a close to be confirmed, on top of its drain timeout; default 5000. */
  readonly closeTimeoutMs?: number | undefined;
  /**
   * The longest that a server which closes a session may take to finish work in progress, in milliseconds, whatever it
   * asks for; then the close is confirmed, and what has no answer is cut; default 30000.
   */
  readonly maxServerDrainMs?: number | undefined;
  /**
   * Milliseconds after the deadline of a submit in which the answer of a server that keeps deadlines may still come; then
   * the operation fails with DeadlineError; default 2000.
   */
  readonly deadlineGraceMs?: number | undefined;
  /**
   * Milliseconds for the answer to a hello, probe, patch, move or cache object, unless the call says otherwise, and for
   * the last answer to a cancelled operation, which takes up no more room after them; default 10000.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Milliseconds for the answer to a PING; without it the connection is given up; default 5000. */
  readonly pingTimeoutMs?: number | undefined;
  /**
   * Milliseconds without a packet after which a PING is sent, 0 = never. By default only servers that have announced that
   * they understand it are asked; with a value of one's own every server is, and a preview3 server that serves no PING
   * ends the connection; default 15000.
   */
  readonly keepAliveMs?: number | undefined;
  /**
   * Largest packet in bytes. A result that is larger costs its operation, anything else the connection; a server that has
   * announced itself is told, and does not send it; default 64 MiB.
   */
  readonly maxPacketBytes?: number | undefined;
  /**
   * Bytes held for results that may wait unread, over all sessions, before reading stops, see the event `readingPaused`; 256
   * for each on top of its own. While an answer is awaited, as much again is taken, 1 MiB at least and 8 MiB at most; then the
   * request fails with FlowBlockedError, reason `unread_results`. A server
   * that has announced itself is asked to hold back an operation that fills a quarter of them by itself; up to 8 MiB more
   * are taken then, which were under way already; default 64 MiB.
   */
  readonly maxBufferedResultBytes?: number | undefined;
  /**
   * Bytes held for what may wait to be sent, besides what the transport takes, before submits and requests are held back;
   * default 64 MiB.
   */
  readonly maxOutboxBytes?: number | undefined;
  /** Submits of one session that may wait for their turn; more are refused; default 65536. */
  readonly maxWaitingSubmits?: number | undefined;
  /**
   * Tells servers, in an extension block of every open, that this client understands ERROR, PING, RESULT_HINT, CACHE_*
   * and SESSION_CLOSE from the server; others skip the block; default true.
   */
  readonly announce?: boolean | undefined;
  /** Sends CLIENT_HELLO before anything else: true for default values, or the values; default false. */
  readonly hello?: boolean | ClientHelloOptions | undefined;
}

/** With all defaults filled in. */
export type NnrpClientConfig = Complete<NnrpClientOptions>;

/** What a client asks for when it opens a session; what is left out, or undefined, has its default. */
export interface SessionOptions {
  /** Wanted id; 0 lets the server choose; default 0. */
  readonly requestedSessionId?: number | undefined;
  /** Default token. */
  readonly profileId?: number | undefined;
  /** Default schema of the session; default the standard token-delta schema. */
  readonly schemaId?: number | undefined;
  readonly schemaVersion?: number | undefined;
  /** Default balanced. */
  readonly priorityClass?: preview3.SessionPriorityClass | undefined;
  /**
   * Default deadline of the session's work in milliseconds, 0 = none; default 0. The protocol's own default, 500, is what
   * reference clients ask for.
   */
  readonly defaultDeadlineMs?: number | undefined;
  /** Wanted operations in progress at once; a server refuses more than its own limit, 0 = no wish; default 4. */
  readonly maxInFlightOperations?: number | undefined;
  /** Wanted lease lifetime in milliseconds; default 30000. */
  readonly leaseTtlHintMs?: number | undefined;
  /** Session flags beyond those that other options set; default 0. */
  readonly sessionFlags?: number | undefined;
  /** Authentication block, sent in the body; default empty. */
  readonly auth?: BodyInput | undefined;
  /** Tag by which the client knows the session; default the requested id. */
  readonly clientSessionTag?: bigint | undefined;
  /** Entries of one's own in the session extension block, types 0x8000 to 0xffff; default none. */
  readonly extensions?: readonly ExtensionInit[] | undefined;
}

/** Name, default and least value of the numeric options. */
const NUMBERS = [
  ['connectTimeoutMs', 10_000, 1],
  ['openTimeoutMs', 15_000, 1],
  ['closeTimeoutMs', 5_000, 1],
  ['maxServerDrainMs', 30_000, 1],
  ['deadlineGraceMs', 2_000, 0],
  ['requestTimeoutMs', 10_000, 1],
  ['pingTimeoutMs', 5_000, 1],
  ['keepAliveMs', 15_000, 0],
  ['maxPacketBytes', DEFAULT_MAX_PACKET_BYTES, 1],
  ['maxBufferedResultBytes', DEFAULT_MAX_PACKET_BYTES, 1],
  ['maxOutboxBytes', DEFAULT_MAX_PACKET_BYTES, 1],
  ['maxWaitingSubmits', 65_536, 1],
] as const;

const CONFIG_OPTIONS: ReadonlySet<string> = new Set([...NUMBERS.map(([name]) => name), 'announce', 'hello']);

type NumericOptions = { [Name in (typeof NUMBERS)[number][0]]: number };

/** @throws UsageError that names the field, what it takes and what it got; unknown fields are refused too */
export function clientConfig(config: NnrpClientOptions): NnrpClientConfig {
  const given = readOptions('client configuration', config, CONFIG_OPTIONS);
  const { announce = true, hello = false } = given;
  if (typeof announce !== 'boolean') throw wrong('announce', 'true or false', announce);
  if (typeof hello !== 'boolean' && (typeof hello !== 'object' || hello === null)) {
    throw wrong('hello', 'true, false or an object', hello);
  }
  const numbers = Object.fromEntries(
    NUMBERS.map(([name, fallback, least]) => [name, number(given, name, fallback, least)]),
  );
  return { ...(numbers as NumericOptions), announce, hello: typeof hello === 'object' ? helloOptions(hello) : hello };
}

/**
 * What was given, checked, in a copy that no later change reaches: for who connects first and makes the client then. What
 * was left out is still left out.
 * @throws UsageError as {@link clientConfig} does
 */
export function givenClientConfig(config: NnrpClientOptions): NnrpClientOptions {
  const complete: Partial<Record<string, unknown>> = { ...clientConfig(config) };
  const given = readOptions('client configuration', config, CONFIG_OPTIONS);
  return Object.fromEntries(Object.keys(given).map((name) => [name, complete[name]]));
}

function number(config: Given<NumericOptions>, name: keyof NumericOptions, fallback: number, least: number): number {
  const { [name]: value = fallback }: Partial<Record<string, unknown>> = config;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MAX_TIMER_MS) return value;
  throw wrong(name, `an integer of ${least} to ${MAX_TIMER_MS}`, value);
}

function wrong(name: string, takes: string, got: unknown): UsageError {
  return new UsageError(`client configuration: ${name} takes ${takes}, got ${shownValue(got)}`);
}

const SESSION_OPTIONS: ReadonlySet<string> = new Set([
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
  'extensions',
]);

/** @throws UsageError on an option that does not exist */
export function sessionOptions(options: SessionOptions): SessionOptions {
  return readOptions('session options', checkOptions('session options', options, SESSION_OPTIONS), SESSION_OPTIONS);
}

/** The request that asks for a session. @param options - as {@link sessionOptions} gives them */
export function sessionOpen(options: SessionOptions, authBytes = 0, sessionExtensionBytes = 0): preview3.SessionOpen {
  const { requestedSessionId = 0 } = options;
  return {
    requestedSessionId,
    profileId: options.profileId ?? preview3.ProfileId.Token,
    priorityClass: options.priorityClass ?? preview3.SessionPriorityClass.Balanced,
    sessionFlags: options.sessionFlags ?? 0,
    schemaId: options.schemaId ?? preview3.TOKEN_DELTA_SCHEMA_ID,
    schemaVersion: options.schemaVersion ?? preview3.TOKEN_DELTA_SCHEMA_VERSION,
    defaultDeadlineMs: options.defaultDeadlineMs ?? 0,
    maxInFlightOperations: options.maxInFlightOperations ?? 4,
    leaseTtlHintMs: options.leaseTtlHintMs ?? 30_000,
    resumeTokenBytes: 0,
    authBytes,
    sessionExtensionBytes,
    // An id that is no integer is refused when it is encoded, with the name of its field.
    clientSessionTag:
      options.clientSessionTag ?? (Number.isInteger(requestedSessionId) ? BigInt(requestedSessionId) : 0n),
  };
}
