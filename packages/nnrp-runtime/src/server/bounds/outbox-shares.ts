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

/** One for all connections of a server. */
const LIMITS = new WeakMap<NnrpServerConfig, OutboxLimits>();

/** The outbox of a connection, as the configuration bounds it. */
export function outboxLimits(config: NnrpServerConfig): OutboxLimits {
  const known = LIMITS.get(config);
  if (known !== undefined) return known;
  const { maxOutboxBytes, slowReader } = config;
  const heldBackBytes = maxOutboxBytes - Math.ceil(maxOutboxBytes / CONTROL_SHARE);
  const limits = { maxOutboxBytes, heldBackBytes, slowReader };
  LIMITS.set(config, limits);
  return limits;
}
