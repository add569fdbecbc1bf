import { background, type Guarded } from '../../base/guard.js';
import { SETTLED } from '../../base/promises/settled.js';
import type { SentLog } from '../../connection/recovery/sent-log.js';
import { CONTROL_LANE, type Lane } from '../../connection/sending/outbox.js';

/** Of a connection that keeps what was sent. */
export interface ConfirmedConnection extends Guarded {
  readonly sentLog: SentLog | undefined;
  whenDrained(lane?: Lane): Promise<void>;
}

/**
 * Calls back when the client has all that has been sent to it so far; never when the connection ends first. Fences go ahead of
 * what waits for room, so that the answer to one says nothing of that: it has to leave first.
 */
export function whenArrived(connection: ConfirmedConnection, then: () => void): void {
  const waitForFence = () => connection.sentLog?.whenArrived(then);
  const drained = connection.whenDrained(CONTROL_LANE);
  if (drained === SETTLED) waitForFence();
  else
    background(
      connection,
      drained.then(waitForFence, () => {}),
    );
}
