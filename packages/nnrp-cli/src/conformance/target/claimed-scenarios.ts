import type { JsonObject } from '../../json/json-object.js';
import { OPEN_AI } from './target-manifest.js';

/** The tokens of each scenario in which the suite is a client over TCP, those of openai-compatible/1 left out. */
const OF_CLIENTS = [
  ['control.cancel_abort', 'control.result_drop_reason', 'control.trace_context'],
  ['control.deadline_expire'],
];
/** The tokens of those in which it is a server. */
const OF_SERVERS = ['control.progress_partial', 'control.credit_backpressure', 'object.lifecycle'];

/**
 * How many sessions over TCP come before the suite listens there: it chooses a scenario when the manifest has its mode and all
 * its tokens.
 *
 * @param wire - undefined when there is no manifest yet; then all are counted, and so they are where the suite listens in no scenario
 *   or where completions may come, of which a session does not tell when it opens that it is for one
 */
export function claimedTcpSessions(wire: JsonObject | undefined): number {
  const { modes, capabilities } = wire ?? {};
  const isClaimed = (token: string) => Array.isArray(capabilities) && capabilities.includes(token);
  if (!OF_SERVERS.every(isClaimed)) return OF_CLIENTS.length;
  if (!Array.isArray(modes) || !modes.includes('suite_as_client')) return 0;
  if (isClaimed(OPEN_AI)) return OF_CLIENTS.length;
  return OF_CLIENTS.filter((tokens) => tokens.every(isClaimed)).length;
}
