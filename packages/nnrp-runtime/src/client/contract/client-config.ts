import { DEFAULT_MAX_PACKET_BYTES, shownPlain, shownWord, UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { checkSignal, isAbortSignal } from '../../base/application/abort-signals.js';
import type { Logger } from '../../base/application/logger.js';
import { bitsOf, oneOf, optionTable, U16, U32, U64 } from '../../base/option-kinds.js';
import { type Complete, checkOptions, type Given, readOptions } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import { REVISION_CHOICES, type RevisionChoice } from '../../connection/revision/revision-name.js';
import type { ExtensionInit } from '../hello/client-announcement.js';
import { type ClientHelloOptions, helloOptions } from '../hello/hello-options.js';

/** Options of a client's connection; what is left out, or undefined, has its default. */
export interface NnrpClientOptions {
  /** Milliseconds that connecting may take, a TLS handshake included; default 10000. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Milliseconds that the answer to an open may take. Then this open alone fails; a session that is opened later is closed
   * again. It should be more than the server's `policyTimeoutMs`; default 15000.
   */
  readonly openTimeoutMs?: number | undefined;
  /** Milliseconds that the confirmation of a close may take, on top of its drain timeout; default 5000. */
  readonly closeTimeoutMs?: number | undefined;
  /**
   * Milliseconds that a server which closes a session may take at most to finish work in progress, whatever it asks for. Then
   * the close is confirmed, and work without an answer is cut; default 30000.
   */
  readonly maxServerDrainMs?: number | undefined;
  /**
   * Milliseconds after the deadline of a submit in which the answer of a server that keeps deadlines may still come. Then the
   * operation fails with DeadlineError; default 2000.
   */
  readonly deadlineGraceMs?: number | undefined;
  /**
   * Milliseconds that the answer to a hello, probe, patch, move or cache object may take, unless the call says otherwise. The
   * last answer to a cancelled operation may take as long; then it takes up no more room; default 10000.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Milliseconds that the answer to a PING may take; then the connection is given up; default 5000. */
  readonly pingTimeoutMs?: number | undefined;
  /**
   * Milliseconds of silence after which a PING is sent. 0 = never. Where this option is left out, only servers that have
   * announced that they know PING are sent one; else every server is, and a preview3 server that does not know it ends the
   * connection; default 15000.
   */
  readonly keepAliveMs?: number | undefined;
  /**
   * Bytes of the largest packet. A larger result fails its operation; any other larger packet ends the connection. A server
   * that has announced itself is told the limit, and keeps it; default 64 MiB.
   */
  readonly maxPacketBytes?: number | undefined;
  /**
   * Bytes of results that may wait unread, over all sessions, each with 256 on top; then reading stops, see the event
   * `readingPaused`. While an answer is awaited, as much again is read, from 1 MiB to 8 MiB; then the request fails with
   * FlowBlockedError, reason `unread_results`. A server that has announced itself is asked to hold back an operation that
   * fills a quarter by itself; up to 8 MiB that are under way by then are taken all the same; default 64 MiB.
   */
  readonly maxBufferedResultBytes?: number | undefined;
  /**
   * Bytes that may wait to be sent, besides what the transport holds; then submits and requests are held back; default 64
   * MiB.
   */
  readonly maxOutboxBytes?: number | undefined;
  /** Submits of one session that may wait for their turn; more are refused; default 65536. */
  readonly maxWaitingSubmits?: number | undefined;
  /**
   * Tells servers, in an extension block of every open, that this client knows ERROR, PING, RESULT_HINT, CACHE_* and
   * SESSION_CLOSE from the server. Servers that do not know the block skip it; default true.
   */
  readonly announce?: boolean | undefined;
  /**
   * The revision of the wire; `auto`: preview4 with servers that answer a CLIENT_HELLO, else preview3. Only peers of this library
   * are known to serve preview3, and only its own recovery does work exactly once; default preview3.
   */
  readonly revision?: RevisionChoice | undefined;
  /**
   * Takes results of preview4 that break RPUSH-2, RPUSH-3 or RPUSH-4, as servers of the reference before 4.23 may send them; else
   * each costs its session. They are told as they came; default false.
   */
  readonly lenientResults?: boolean | undefined;
  /**
   * What becomes of sessions whose connection is lost. `resume`: the client connects again and asks for them, with servers
   * that know how and as long as they allow; those that cannot be resumed are lost, and opened again. `reopen`: it opens all
   * of them again, whatever the server knows. A client that has none connects again, too. `never`: all ends with the
   * connection. A client that was not told how to connect does neither; one that does not announce itself cannot resume; default resume.
   */
  readonly reconnect?: 'resume' | 'reopen' | 'never' | undefined;
  /**
   * Milliseconds that the first attempt to connect again waits at most. How long it is, is drawn at random; each further one
   * waits up to twice as long, and up to 5 seconds; default 100.
   */
  readonly reconnectBackoffMs?: number | undefined;
  /**
   * Gives up connecting when it aborts: `connectTcp`, `connectTls` and `connectQuic` reject with its reason at once, and the
   * socket is closed. Once there is a connection it means nothing; default none.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Takes what the events tell as lines of a log: an object with the methods of a pino logger. Of `nnrp-runtime` in Node.js alone;
   * elsewhere there is no such option; default none.
   */
  readonly logger?: Logger | undefined;
  /** Sends CLIENT_HELLO before anything else: true for default values, or the values; default false. */
  readonly hello?: boolean | ClientHelloOptions | undefined;
}

/** With all defaults filled in, for as long as the connection lives. */
export interface NnrpClientConfig extends Complete<Omit<NnrpClientOptions, 'signal' | 'logger'>> {
  /** What a CLIENT_HELLO says of the addresses that the client was given; left out where it says nothing. */
  readonly transportPolicy?: preview3.ControlExtension;
}

/** What a client asks for when it opens a session; what is left out, or undefined, has its default. */
export interface SessionOptions {
  /** Id that is asked for; with 0 the server chooses; default 0. */
  readonly requestedSessionId?: number | undefined;
  /** Profile of the session; default token. */
  readonly profileId?: number | undefined;
  /** Default schema of submits; default the standard token-delta schema. */
  readonly schemaId?: number | undefined;
  readonly schemaVersion?: number | undefined;
  /** Priority class that is asked for; default balanced. */
  readonly priorityClass?: preview3.SessionPriorityClass | undefined;
  /**
   * Milliseconds that submits without a deadline of their own may take. 0 = any time; default 0. The protocol's own default,
   * which reference clients ask for, is 500.
   */
  readonly defaultDeadlineMs?: number | undefined;
  /**
   * Operations of the session in flight at once, at most; more submits wait. 0 = as many as the server allows, which refuses
   * a wish for more. Without a wish the server is asked for 4, and for less when it allows less; default 4.
   */
  readonly maxInFlightOperations?: number | undefined;
  /** Lifetime of leases that is asked for, in milliseconds; default 30000. */
  readonly leaseTtlHintMs?: number | undefined;
  /** Further session flags, besides those that other options set; default 0. */
  readonly sessionFlags?: number | undefined;
  /** Authentication, such as a token, sent in the body of the open; default empty. */
  readonly auth?: BodyInput | undefined;
  /** Tag by which the client knows the session; default the requested id. */
  readonly clientSessionTag?: bigint | undefined;
  /**
   * Gives up the session when it aborts before it is open: `openSession` rejects with its reason at once. A session that the
   * server opens all the same is closed again. Once the session is open it means nothing; default none.
   */
  readonly signal?: AbortSignal | undefined;
  /** Further entries of the session extension block, types 0x8000 to 0xffff; default none. */
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
  ['reconnectBackoffMs', 100, 1],
] as const;

const CONFIG_OPTIONS: ReadonlySet<string> = new Set([
  ...NUMBERS.map(([name]) => name),
  'announce',
  'revision',
  'lenientResults',
  'hello',
  'reconnect',
  'signal',
]);

type NumericOptions = { [Name in (typeof NUMBERS)[number][0]]: number };

/** @throws UsageError that names the field, what it takes and what it got; unknown fields are refused too */
export function clientConfig(config: NnrpClientOptions): NnrpClientConfig {
  const given = readOptions('client configuration', config, CONFIG_OPTIONS);
  const { announce = true, lenientResults = false, hello = false, reconnect = 'resume', revision = 'preview3' } = given;
  connectSignal(given);
  for (const [name, value] of Object.entries({ announce, lenientResults })) {
    if (typeof value !== 'boolean') throw wrong(name, 'true or false', value);
  }
  if (!REVISION_CHOICES.includes(revision))
    throw wrong('revision', "'preview3', 'preview4' or 'auto'", revision, shownWord(revision));
  if (typeof hello !== 'boolean' && (typeof hello !== 'object' || hello === null)) {
    throw wrong('hello', 'true, false or an object', hello);
  }
  if (reconnect !== 'resume' && reconnect !== 'reopen' && reconnect !== 'never') {
    throw wrong('reconnect', "'resume', 'reopen' or 'never'", reconnect, shownWord(reconnect));
  }
  const numbers = Object.fromEntries(
    NUMBERS.map(([name, fallback, least]) => [name, number(given, name, fallback, least)]),
  );
  const greeting = typeof hello === 'object' ? helloOptions(hello) : hello;
  return { ...(numbers as NumericOptions), announce, lenientResults, reconnect, revision, hello: greeting };
}

/** What gives up connecting. @throws UsageError as {@link clientConfig} does */
export function connectSignal(config: NnrpClientOptions): AbortSignal | undefined {
  const { signal } = readOptions('client configuration', config, CONFIG_OPTIONS);
  if (signal !== undefined && !isAbortSignal(signal)) throw wrong('signal', 'an AbortSignal', signal);
  return signal;
}

/**
 * What was given, checked, in a copy that no later change reaches: for callers that connect before they make the client. What
 * was left out is still left out.
 * @throws UsageError as {@link clientConfig} does
 */
export function givenClientConfig(config: NnrpClientOptions): NnrpClientOptions {
  const complete: Partial<Record<string, unknown>> = { ...clientConfig(config) };
  const given = readOptions('client configuration', config, CONFIG_OPTIONS);
  const kept = Object.keys(given).filter((name) => name !== 'signal');
  return Object.fromEntries(kept.map((name) => [name, complete[name]]));
}

function number(config: Given<NumericOptions>, name: keyof NumericOptions, fallback: number, least: number): number {
  const { [name]: value = fallback }: Partial<Record<string, unknown>> = config;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MAX_TIMER_MS) return value;
  throw wrong(name, `an integer of ${least} to ${MAX_TIMER_MS}`, value);
}

function wrong(name: string, takes: string, got: unknown, shown = shownPlain(got)): UsageError {
  return new UsageError(`client configuration: ${name} takes ${takes}, got ${shown}`);
}

const SESSION_OPTIONS = optionTable<SessionOptions>({
  requestedSessionId: U32,
  profileId: U16,
  schemaId: U32,
  schemaVersion: U32,
  priorityClass: oneOf('SessionPriorityClass', preview3.SessionPriorityClass),
  defaultDeadlineMs: U32,
  maxInFlightOperations: U16,
  leaseTtlHintMs: U32,
  sessionFlags: bitsOf('SessionFlags', preview3.SessionFlags),
  auth: undefined,
  clientSessionTag: U64,
  extensions: undefined,
  signal: undefined,
});

/** @throws UsageError on an option that does not exist or fit */
export function sessionOptions(options: SessionOptions): SessionOptions {
  const checked = checkOptions('session options', options, SESSION_OPTIONS);
  const given = readOptions('session options', checked, SESSION_OPTIONS);
  checkSignal(given.signal);
  return given;
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
    clientSessionTag: options.clientSessionTag ?? BigInt(requestedSessionId),
  };
}
