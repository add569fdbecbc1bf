import { UsageError } from 'nnrp-core';
import {
  type Complete,
  integer,
  type Kept,
  type OptionKind,
  type OptionTable,
  optionTable,
  readValues,
  TRUTH,
} from 'nnrp-runtime/transport';

const MAX_MS = 0x7fffffff;
const MIB = 1024 * 1024;

/** Which model server is asked, and how; what is left out, or undefined, has its default. */
export interface OpenAiHandlerOptions {
  /** Where its interface begins, such as `http://127.0.0.1:8000/v1`; a query goes along with each request. Needed. */
  readonly baseUrl: string;
  /** Sent as a bearer key; default none. */
  readonly apiKey?: string | undefined;
  /** The model that is asked for, whatever a request names; default the one that it names. */
  readonly model?: string | undefined;
  /** Further headers of each request, such as `openai-organization`; default none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Asks streams for their usage, by `stream_options`, where the request does not say; default true. */
  readonly includeUsage?: boolean | undefined;
  /** Connections at most; default 128. */
  readonly maxConnections?: number | undefined;
  /** Requests that may wait for a connection; more are refused with a retryable error; default 1024. */
  readonly maxWaitingRequests?: number | undefined;
  /** Milliseconds that connecting may take; default 10000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds until the headers of a response have come, which is when a model without a stream is done, 0 = any; default 600000. */
  readonly responseTimeoutMs?: number | undefined;
  /** Milliseconds of silence within a response, 0 = any; default 300000. */
  readonly idleTimeoutMs?: number | undefined;
  /** Bytes of one event of a stream; default 4 MiB. */
  readonly maxEventBytes?: number | undefined;
  /** Bytes of a response that is no stream; default 32 MiB. */
  readonly maxResponseBytes?: number | undefined;
}

const HANDLER_DEFAULTS = {
  includeUsage: true,
  maxConnections: 128,
  maxWaitingRequests: 1024,
  connectTimeoutMs: 10_000,
  responseTimeoutMs: 600_000,
  idleTimeoutMs: 300_000,
  maxEventBytes: 4 * MIB,
  maxResponseBytes: 32 * MIB,
} as const;

/** @param isSecret - its value is not shown */
function textKind(takes: string, fits: (value: string) => boolean, isSecret = false): OptionKind {
  const shown = (value: unknown) =>
    typeof value === 'string' && !isSecret ? `'${value.slice(0, 200)}'` : typeof value;
  return { takes, fits: (value) => typeof value === 'string' && fits(value), shown };
}

/** What may stand in a header without becoming another one. */
export function isHeaderText(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}

const OPTIONS: OptionTable = optionTable<OpenAiHandlerOptions>({
  baseUrl: undefined,
  apiKey: textKind('a text of printable ASCII', (value) => value !== '' && isHeaderText(value), true),
  model: textKind('a text', (value) => value !== ''),
  headers: undefined,
  includeUsage: TRUTH,
  maxConnections: integer(1, 65_536),
  maxWaitingRequests: integer(0, MAX_MS),
  connectTimeoutMs: integer(1, MAX_MS),
  responseTimeoutMs: integer(0, MAX_MS),
  idleTimeoutMs: integer(0, MAX_MS),
  maxEventBytes: integer(1024, 1024 * MIB),
  maxResponseBytes: integer(1024, 1024 * MIB),
});

export type UpstreamConfig = Omit<Kept<OpenAiHandlerOptions>, 'baseUrl' | 'headers'> &
  Complete<Pick<OpenAiHandlerOptions, keyof typeof HANDLER_DEFAULTS>> & {
    readonly baseUrl: URL;
    readonly headers: Readonly<Record<string, string>>;
  };

/** @throws UsageError on an option that does not exist or fit, or is needed */
export function handlerOptions(options: OpenAiHandlerOptions): UpstreamConfig {
  const { baseUrl, headers, ...given } = readValues('openAiHandler', options, OPTIONS);
  return { ...HANDLER_DEFAULTS, ...given, baseUrl: urlOf(baseUrl), headers: headersOf(headers) };
}

/** Of a URL that is wrong nothing is shown: it may have a password in it. */
function urlOf(text: unknown): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '' && url.hash === '';
  if (url === undefined || !isPlain || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(
      'openAiHandler: baseUrl takes a URL of http or https without user and fragment, such as http://127.0.0.1:8000/v1',
    );
  }
  return url;
}

/** They say how a message is cut and where it goes, which is for the connection to say. */
const OF_CONNECTIONS = [
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

function headersOf(headers: unknown): Readonly<Record<string, string>> {
  if (headers === undefined) return {};
  const entries = typeof headers === 'object' && headers !== null ? Object.entries(headers) : [['']];
  for (const [name = '', value] of entries) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || typeof value !== 'string' || !isHeaderText(value)) {
      throw new UsageError('openAiHandler: headers takes names of headers with texts of printable ASCII');
    }
  }
  const own = entries.find(([name = '']) => OF_CONNECTIONS.includes(name.toLowerCase()));
  if (own !== undefined)
    throw new UsageError(`openAiHandler: headers: ${own[0]} is the connection's to say; leave it out`);
  return Object.fromEntries(entries.map(([name = '', value]) => [name.toLowerCase(), value as string]));
}
