/** How far the client of a session that is to be resumed has got, in packets of the session that it has received. */
export interface ClientPlace {
  /** Undefined when it does not say. */
  readonly received: number | undefined;
  /**
   * How many another client had received, in whose place this one comes: up to there it can do without what is not kept any more.
   * Undefined when it is the same client.
   */
  readonly had: number | undefined;
}

/** Whether the session can go on there. @param first - how many packets are not kept any more @param sent - in all */
export function isPlaceWithin({ received, had = received }: ClientPlace, first: number, sent: number): boolean {
  if (received === undefined || had === undefined) return true;
  return received >= 0 && received <= had && had >= first && had <= sent;
}
