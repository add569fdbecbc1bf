import { ErrorScope } from 'nnrp-core/preview3';
import { optionTable, TRUTH, U32 } from '../../base/option-kinds.js';
import { type Complete, withDefaults } from '../../base/options.js';
import { givenText } from '../../connection/errors/error-text.js';
import type { Lane } from '../../connection/sending/outbox.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';

/** What an ERROR to the server refers to. */
export interface ClientErrorOptions {
  /** The frame concerned; 0 = the session, the default. */
  readonly frameId?: number | undefined;
  /** Default false. */
  readonly fatal?: boolean | undefined;
  /** Milliseconds after which a retry may help; 0 = no advice, the default. */
  readonly retryAfterMs?: number | undefined;
}

const ERROR_DEFAULTS: Complete<ClientErrorOptions> = { frameId: 0, fatal: false, retryAfterMs: 0 };

const ERROR_OPTIONS = optionTable<ClientErrorOptions>({ frameId: U32, fatal: TRUTH, retryAfterMs: U32 });

/** Tells the server of a failure in a session. @throws UsageError on an option that does not exist or fit, and on a wrong text */
export function sendSessionError(
  connection: Pick<SessionConnection, 'sendError'>,
  { sessionId, lane }: { readonly sessionId: number; readonly lane: Lane },
  errorCode: number,
  text: string,
  options: ClientErrorOptions,
): void {
  const complete = withDefaults('error options', options, ERROR_DEFAULTS, ERROR_OPTIONS);
  const { frameId, fatal, retryAfterMs } = complete;
  const scope = frameId ? ErrorScope.Frame : ErrorScope.Session;
  connection.sendError(errorCode, scope, givenText(text), { frameId, fatal, retryAfterMs, sessionId, lane });
}
