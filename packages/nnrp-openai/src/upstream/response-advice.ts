import { isHeaderText } from './handler-options.js';
import { retryAfterMs } from './retry-after.js';

const MAX_HEADER_LENGTH = 512;

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What the headers of a failed response say beside its status. */
export interface Advice {
  /** 0 = nothing. */
  readonly retryAfterMs: number;
  /** What the server calls the request: its operators ask for it. */
  readonly requestId?: string;
  /** Whether the same request may be sent again; undefined where only the status tells. */
  readonly shouldRetry?: boolean;
}

export function adviceOf(headers: ResponseHeaders): Advice {
  const requestId = requestIdOf(headers);
  const said = headers['x-should-retry'];
  return {
    retryAfterMs: retryAfterMs(headers),
    ...(requestId !== undefined && { requestId }),
    ...((said === 'true' || said === 'false') && { shouldRetry: said === 'true' }),
  };
}

/** Of any response. */
export function requestIdOf(headers: ResponseHeaders): string | undefined {
  const id = headers['x-request-id'];
  return typeof id === 'string' && id.length <= MAX_HEADER_LENGTH && isHeaderText(id) ? id : undefined;
}
