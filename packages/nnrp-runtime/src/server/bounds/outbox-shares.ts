import type { OutboxLimits } from '../../connection/sending/outbox.js';
import type { NnrpServerConfig } from '../contract/server-config.js';

/** Of the outbox, the part that a result which crosses it leaves to drops, errors and acknowledgements. */
const CONTROL_SHARE = 16;

/** Up to where results may fill an outbox. */
export function resultRoom({ maxOutboxBytes, slowReader }: NnrpServerConfig): number {
  // Where partial results are left out, they make the room.
  return slowReader === 'disconnect'
    ? maxOutboxBytes - Math.ceil(maxOutboxBytes / CONTROL_SHARE)
    : Number.POSITIVE_INFINITY;
}

/** The outbox of a connection, as the configuration bounds it. */
export function outboxLimits({ maxOutboxBytes, slowReader }: NnrpServerConfig): OutboxLimits {
  const heldBackBytes = maxOutboxBytes - Math.ceil(maxOutboxBytes / CONTROL_SHARE);
  return { maxOutboxBytes, heldBackBytes, slowReader };
}
