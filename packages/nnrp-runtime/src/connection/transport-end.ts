import { TimeoutError, TransportError } from 'nnrp-core';
import { brokenBy } from '../base/application/thrown-text.js';
import { type Guarded, guard } from '../base/guard.js';
import { awaited, STEP_MS } from '../base/promises/awaited.js';
import { MAX_TIMER_MS } from '../base/time/timer-limit.js';
import type { FramedTransport } from '../transport/contract/contract.js';

/** Milliseconds that an end may take whose bytes leave one by one. */
const MAX_CLOSE_MS = 30_000;

/**
 * Closes a transport, which may be of the application's own, within a bounded time: one that says nothing of how long it may
 * take is aborted when it has not come to its end, and nothing has left it, for 2 seconds, and after 30 seconds in any
 * case. The owner is told what fails.
 *
 * @returns resolves in any case
 */
export function endTransport(owner: Guarded, transport: FramedTransport, remoteAddress: string): Promise<void> {
  const limitMs = ownLimitMs(transport) ?? STEP_MS;
  let unsentBytes = unsentOf(transport);
  let leftMs = MAX_CLOSE_MS;
  return awaited(
    owner,
    () => transport.close(),
    limitMs,
    () => {
      const before = unsentBytes;
      unsentBytes = unsentOf(transport);
      leftMs -= limitMs;
      if (unsentBytes < before && leftMs > 0) return undefined;
      const late = new TimeoutError(`${remoteAddress}: its transport has not closed within ${limitMs} ms`, limitMs);
      guard(owner, () => transport.abort(late));
      return late;
    },
  );
}

function ownLimitMs(transport: FramedTransport): number | undefined {
  try {
    const { maxCloseMs } = transport;
    // A timer of more would run out at once, as would one of none.
    return maxCloseMs !== undefined && maxCloseMs >= 1 ? Math.min(maxCloseMs, MAX_TIMER_MS) : undefined;
  } catch {
    return undefined;
  }
}

function unsentOf(transport: FramedTransport): number {
  try {
    return transport.unsentBytes ?? 0;
  } catch {
    // What cannot be asked makes no progress that could be seen.
    return 0;
  }
}

/** What a transport calls its peer. Read once, when the connection is made: a getter of the application's own may throw. */
export function remoteAddressOf(transport: FramedTransport): string {
  try {
    const { remoteAddress } = transport;
    return typeof remoteAddress === 'string' ? remoteAddress : NO_ADDRESS;
  } catch {
    return NO_ADDRESS;
  }
}

const NO_ADDRESS = 'a peer without an address';

/** Why a connection has ended, if its transport says so: transports of the application's own may say it in any way. */
export function endedBy(error: unknown, remoteAddress: string): TransportError {
  return new TransportError(`${remoteAddress}: the connection broke: ${brokenBy(error)}`, { cause: error });
}
