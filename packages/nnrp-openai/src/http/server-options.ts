import { isNnrpError, UsageError } from 'nnrp-core';
import type { SessionOptions } from 'nnrp-runtime';
import { type CallInterceptor, type CallMetadata, checkSessionOptions } from 'nnrp-runtime/calls';
import { type Complete, integer, type Kept, type OptionTable, optionTable, readValues } from 'nnrp-runtime/transport';

const MAX_MS = 0x7fffffff;
const MIB = 1024 * 1024;

/** What is known of a request when it is to be let in. */
export interface HttpCaller {
  /** The bearer key; undefined where there is none. */
  readonly key: string | undefined;
  /** Such as `POST`. */
  readonly method: string;
  /** Without a query, such as `/v1/chat/completions`. */
  readonly path: string;
  readonly remoteAddress: string;
}

/** Whether a request is let in, itself or as a promise: true, or metadata for its call, such as a tenant. */
export type AuthorizeHttp = (caller: HttpCaller) => boolean | CallMetadata | PromiseLike<boolean | CallMetadata>;

/** How a server for OpenAI's clients works; what is left out, or undefined, has its default. */
export interface OpenAiServerOptions {
  /** Bearer keys that are let in, of printable ASCII without spaces; default none, and then everyone is, unless `authorize` decides. */
  readonly keys?: readonly string[] | undefined;
  /** Decides in place of `keys`; what it throws refuses; default none. */
  readonly authorize?: AuthorizeHttp | undefined;
  /** What the sessions are opened with, such as `auth`; default as many operations at once as the server allows. */
  readonly session?: SessionOptions | undefined;
  /** What stands around each call, such as `retries()`; default none. */
  readonly interceptors?: readonly CallInterceptor[] | undefined;
  /** Milliseconds that a call may take, 0 = any; default 0. */
  readonly deadlineMs?: number | undefined;
  /** Sessions at most; default 64. */
  readonly maxSessions?: number | undefined;
  /** Requests at once; more are refused with 503; default 1024. */
  readonly maxRequests?: number | undefined;
  /** Connections at once; more are closed, which a warning of the process tells; default 4096. */
  readonly maxConnections?: number | undefined;
  /** Bytes of the body of a request; default 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Bytes of the bodies of all requests that are being answered, and 64 for each object, list and member in them; a request that has no room gets 503; default 256 MiB. */
  readonly maxBufferedBodyBytes?: number | undefined;
  /** Bytes of the headers of a request; default 16 KiB. */
  readonly maxHeaderBytes?: number | undefined;
  /** Milliseconds until a request has come with its body; default 30000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Milliseconds that a client may take nothing of its answer; default 60000. */
  readonly stallTimeoutMs?: number | undefined;
  /** Milliseconds of silence in a stream after which a comment is sent, so that nothing in between gives it up; default 15000. */
  readonly heartbeatMs?: number | undefined;
}

const SERVER_DEFAULTS = {
  deadlineMs: 0,
  maxSessions: 64,
  maxRequests: 1024,
  maxConnections: 4096,
  maxBodyBytes: 16 * MIB,
  maxBufferedBodyBytes: 256 * MIB,
  maxHeaderBytes: 16 * 1024,
  requestTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
  heartbeatMs: 15_000,
} as const;

const isFunction = (value: unknown) => typeof value === 'function';

const OPTIONS: OptionTable = optionTable<OpenAiServerOptions>({
  keys: {
    takes: 'a list of at least one text of printable ASCII without spaces',
    // No header brings another one.
    fits: (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((key) => typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)),
    // They are secret.
    shown: (value) => (Array.isArray(value) ? 'a list of something else' : typeof value),
  },
  authorize: { takes: 'a function', fits: isFunction, shown: (value) => typeof value },
  // It has a table of its own.
  session: undefined,
  interceptors: {
    takes: 'a list of functions',
    fits: (value) => Array.isArray(value) && value.every(isFunction),
    shown: (value) => (Array.isArray(value) ? 'a list of something else' : typeof value),
  },
  deadlineMs: integer(0, MAX_MS),
  maxSessions: integer(1, 65_536),
  maxRequests: integer(1, MAX_MS),
  maxConnections: integer(1, MAX_MS),
  maxBodyBytes: integer(1, 1024 * MIB),
  maxBufferedBodyBytes: integer(1, Number.MAX_SAFE_INTEGER),
  maxHeaderBytes: integer(1024, MIB),
  requestTimeoutMs: integer(1, MAX_MS),
  stallTimeoutMs: integer(1, MAX_MS),
  heartbeatMs: integer(1, MAX_MS),
});

export type ServerConfig = Kept<OpenAiServerOptions> &
  Complete<Pick<OpenAiServerOptions, keyof typeof SERVER_DEFAULTS>>;

/** @throws UsageError on an option that does not exist or fit */
export function serverOptions(options: OpenAiServerOptions | undefined): ServerConfig {
  const given = readValues('createOpenAiServer', options, OPTIONS);
  if (given.keys !== undefined && given.authorize !== undefined)
    throw new UsageError('createOpenAiServer: keys and authorize both decide who is let in: give one of them');
  if (given.session !== undefined) checkSession(given.session);
  return { ...SERVER_DEFAULTS, ...given };
}

function checkSession(options: SessionOptions): void {
  try {
    checkSessionOptions(options);
  } catch (error) {
    if (!isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
    throw new UsageError(`createOpenAiServer: session: ${error.rawMessage}`);
  }
}
