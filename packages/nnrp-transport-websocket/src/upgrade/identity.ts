import { shownValue, UsageError } from 'nnrp-core';
import type { PeerIdentity } from 'nnrp-runtime/transport';

/**
 * What the application has found out about a peer, as the session policy sees it.
 *
 * @throws UsageError when it is no object
 */
export function identityFrom(answer: unknown): PeerIdentity | undefined {
  if (answer === undefined) return undefined;
  if (typeof answer !== 'object' || answer === null)
    throw new UsageError(`identify: expected an object, false or undefined, got ${shownValue(answer)}`);
  return Object.freeze({ authorized: true, ...answer });
}
