import type { WireFault } from '../faults/fault.js';
import { SessionStatus } from '../generated/preview3/enums.js';
import type { SessionOpenAck } from '../generated/preview3/session-open-ack.js';
import { brokenRule } from './broken-rule.js';

/**
 * What an acknowledgement does to the table of sessions: it installs one in the state `open` or `resumed`, it installs
 * none, or it contradicts itself.
 */
export type OpenAckOutcome =
  | { readonly outcome: 'open' | 'resumed' | 'not_installed' }
  | { readonly outcome: 'fault'; readonly fault: WireFault };

/**
 * The state of the session that an acknowledgement installs: a granted session needs an id (LIFE-1), a refused one must
 * not have any (LIFE-2).
 *
 * @see NNRP/1-preview3 section 15.2
 */
export function openAckOutcome(ack: SessionOpenAck): OpenAckOutcome {
  switch (ack.sessionStatus) {
    case SessionStatus.Opened:
    case SessionStatus.Resumed:
      if (ack.sessionId === 0) return { outcome: 'fault', fault: brokenRule('LIFE-1') };
      return { outcome: ack.sessionStatus === SessionStatus.Opened ? 'open' : 'resumed' };
    case SessionStatus.Rejected:
    case SessionStatus.RetryLater:
      if (ack.sessionId !== 0) return { outcome: 'fault', fault: brokenRule('LIFE-2') };
      return { outcome: 'not_installed' };
  }
}
