import { isNnrpError, type NnrpError } from 'nnrp-runtime';
import { isObject, member } from 'nnrp-runtime/transport';

/** What a client of HTTP is told of a failure. */
export interface HttpFailure {
  readonly status: number;
  /** As OpenAI's interface has it. */
  readonly error: {
    readonly message: string;
    readonly type: string | null;
    readonly param: string | null;
    readonly code: string | number | null;
    /** What the model server says beside it. */
    readonly [further: string]: unknown;
  };
  /** 0 = no advice. */
  readonly retryAfterMs: number;
  /**
   * The same request fails again until the gateway is mended, or the model server says so: clients that repeat requests by the status are
   * told not to. False tells them to, whatever the status.
   */
  readonly isFutile?: boolean;
  /** What the model server calls the request. */
  readonly requestId?: string;
  /** Methods that the path takes, where it was asked by another one. */
  readonly allow?: string;
}

const MAX_TEXT_LENGTH = 4000;

/** Statuses of the codes of this library; of any other a server may be to blame. */
const STATUSES: Readonly<Record<string, readonly [status: number, message: string]>> = {
  NNRP_ERR_DEADLINE: [504, 'there was no answer in time'],
  NNRP_ERR_TIMEOUT: [504, 'the server did not answer in time'],
  NNRP_ERR_SERVER_BUSY: [503, 'the server is busy'],
  NNRP_ERR_IN_FLIGHT_LIMIT: [503, 'the server is busy'],
  NNRP_ERR_FLOW_BLOCKED: [503, 'the server is busy'],
  NNRP_ERR_RETRY_LATER: [503, 'the server is busy'],
  NNRP_ERR_SERVER_SHUTDOWN: [503, 'the server is shutting down'],
  NNRP_ERR_SESSION_REFUSED: [502, 'the server refuses the sessions of this gateway'],
  NNRP_ERR_SESSION_LOST: [502, 'the connection to the server was lost'],
  NNRP_ERR_TRANSPORT: [502, 'there is no connection to the server'],
  NNRP_ERR_CLOSED: [502, 'the connection to the server was closed'],
  NNRP_ERR_PROTOCOL: [502, 'the server answered in another form than asked for'],
  NNRP_ERR_USAGE: [500, 'the gateway failed'],
  NNRP_ERR_HANDLER_FAILED: [500, 'the server failed'],
  NNRP_ERR_RESULT_TOO_LARGE: [502, 'the answer is larger than this gateway takes'],
};

/** Failures that do not pass, unless their error says that it is retryable. Clients would repeat them by their status. */
const FUTILE: readonly string[] = [
  'HTTP_401',
  'HTTP_403',
  'HTTP_407',
  'upstream_unreachable',
  'upstream_malformed',
  'upstream_too_large',
  'answer_too_large',
  'not_a_call',
  'NNRP_ERR_SESSION_REFUSED',
  'NNRP_ERR_PROTOCOL',
  'NNRP_ERR_USAGE',
  'NNRP_ERR_RESULT_TOO_LARGE',
];

/** A refusal of the HTTP server itself. */
export function refusal(
  status: number,
  message: string,
  { type = 'invalid_request_error', param = null, code = null, retryAfterMs = 0 }: Refusal = {},
): HttpFailure {
  return { status, error: { message, type, param, code }, retryAfterMs };
}

interface Refusal {
  readonly type?: string;
  readonly param?: string | null;
  readonly code?: string | null;
  readonly retryAfterMs?: number;
}

/** What a call has failed with. Of errors of this library only the code goes out: their texts may name addresses. */
export function failureOf(error: unknown): HttpFailure {
  if (!isNnrpError(error)) return refusal(500, 'the gateway failed', { type: 'server_error' });
  const failure = failureOfCall(error);
  const shouldRetry = isObject(error.details) ? member(error.details, 'shouldRetry') : undefined;
  if (typeof shouldRetry === 'boolean') return { ...failure, isFutile: !shouldRetry };
  return !error.isRetryable && FUTILE.includes(error.code) ? { ...failure, isFutile: true } : failure;
}

function failureOfCall({ code, retryAfterMs, details, rawMessage }: NnrpError): HttpFailure {
  const known = Object.hasOwn(STATUSES, code) ? STATUSES[code] : undefined;
  if (known !== undefined) {
    const [status, message] = known;
    return refusal(status, message, { type: 'server_error', code, retryAfterMs });
  }
  if (code.startsWith('NNRP_')) return refusal(502, 'the call failed', { type: 'server_error', code, retryAfterMs });
  return applicationFailure(code, rawMessage, retryAfterMs, details);
}

/** The handler has said it, in OpenAI's own form where it is one that knows of HTTP. */
function applicationFailure(code: string, message: string, retryAfterMs: number, details: unknown): HttpFailure {
  const given = isObject(details) ? member(details, 'status') : undefined;
  const isStatus = Number.isInteger(given) && (given as number) >= 400 && (given as number) <= 599;
  const status = isStatus ? (given as number) : (CODES[code] ?? (retryAfterMs > 0 ? 503 : 500));
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  const error = isObject(details) ? member(details, 'error') : undefined;
  const requestId = isObject(details) ? member(details, 'requestId') : undefined;
  if (!isObject(error)) return refusal(status, cut(message), { type, code, retryAfterMs });
  const [said, kind, param, own] = ['message', 'type', 'param', 'code'].map((name) => member(error, name));
  return {
    status,
    retryAfterMs,
    ...(isRequestId(requestId) && { requestId }),
    error: {
      ...error,
      message: typeof said === 'string' ? cut(said) : cut(message),
      type: kind === null ? null : typeof kind === 'string' ? cut(kind) : type,
      param: typeof param === 'string' ? cut(param) : null,
      code: typeof own === 'string' ? cut(own) : typeof own === 'number' ? own : null,
    },
  };
}

/** What may be the header `x-request-id` of an answer: a server has said it. */
export function isRequestId(given: unknown): given is string {
  return typeof given === 'string' && /^[\x21-\x7e]{1,512}$/.test(given);
}

/** Codes of the router of nnrp-runtime/calls. */
const CODES: Readonly<Record<string, number | undefined>> = Object.assign(Object.create(null), {
  unknown_route: 404,
  not_a_call: 501,
  malformed_call: 400,
  invalid_request: 400,
  unauthenticated: 401,
});

function cut(text: string): string {
  return text.slice(0, MAX_TEXT_LENGTH);
}
