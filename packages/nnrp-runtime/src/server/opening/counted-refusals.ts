import { LinkedQueue, type Place } from '../../base/queues/linked-queue.js';

/** Groups that are remembered at most; of more, the one whose last refusal is longest ago is forgotten. */
export const MAX_REFUSED_GROUPS = 10_000;
/** Of the refusals that a group may have, one in so many is answered at once. */
const AT_ONCE = 5;
/** Milliseconds that the first delayed answer waits; each further one twice as long as the one before, up to the last. */
const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 3000;

interface Refusals {
  readonly group: string;
  /** Refusals, less those forgotten since. */
  count: number;
  countedMs: number;
  shutUntilMs: number;
  link: Place<Refusals> | undefined;
}

/** What happens to the answer that refuses once more. */
export interface RefusalTerms {
  /** Milliseconds that it waits. */
  readonly delayMs: number;
  /** Whether the connection ends with it. */
  readonly isLast: boolean;
}

/** Nothing happens to it. */
export const AT_ONCE_AND_ON: RefusalTerms = Object.freeze({ delayMs: 0, isLast: false });
const LAST: RefusalTerms = Object.freeze({ delayMs: LAST_DELAY_MS, isLast: true });

/**
 * Peers that guess tokens are slowed down, in groups: by the address that they come from, or by the session that they ask for.
 * A fifth of the refusals of a group are answered at once, the others ever later, and after the last one its connections are
 * closed for a while. Refusals are forgotten at the rate of that fifth for each such while. Nothing is kept but numbers, for a
 * bounded number of groups.
 */
export class CountedRefusals {
  private readonly groups = new Map<string, Refusals>();
  private readonly byAge = new LinkedQueue<Refusals>();
  private readonly atOnce: number;

  /**
   * @param limit - refusals of one group; 0 = any number, and nothing is delayed
   * @param pauseMs - how long a group is shut out then
   * @param hit - an answer is delayed, or a connection closed
   * @param forgotten - there were too many groups
   */
  constructor(
    private readonly limit: number,
    private readonly pauseMs: number,
    private readonly hit: () => void,
    private readonly forgotten: () => void,
  ) {
    this.atOnce = Math.ceil(limit / AT_ONCE);
  }

  get size(): number {
    return this.groups.size;
  }

  /** Of the group that has most; walks over all. */
  get most(): number {
    const nowMs = performance.now();
    let most = 0;
    for (const refusals of this.groups.values()) most = Math.max(most, this.countOf(refusals, nowMs));
    return Math.ceil(most);
  }

  /** Whether connections of this group are closed at the moment. */
  isShut(group: string | undefined): boolean {
    if (group === undefined || this.groups.size === 0) return false;
    const refusals = this.groups.get(group);
    if (refusals === undefined || performance.now() >= refusals.shutUntilMs) return false;
    this.hit();
    return true;
  }

  /** One more was refused. */
  add(group: string | undefined): RefusalTerms {
    if (group === undefined || this.limit === 0) return AT_ONCE_AND_ON;
    const nowMs = performance.now();
    const refusals = this.entryOf(group, nowMs);
    refusals.count = this.countOf(refusals, nowMs) + 1;
    refusals.countedMs = nowMs;
    if (nowMs < refusals.shutUntilMs || refusals.count >= this.limit) {
      // Afterwards it goes on slowly.
      if (nowMs >= refusals.shutUntilMs) refusals.shutUntilMs = nowMs + this.pauseMs;
      refusals.count = Math.min(refusals.count, this.limit - 1);
      this.hit();
      return LAST;
    }
    const excess = Math.floor(refusals.count) - this.atOnce;
    if (excess <= 0) return AT_ONCE_AND_ON;
    this.hit();
    return { delayMs: Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** (excess - 1)), isLast: false };
  }

  private countOf({ count, countedMs }: Refusals, nowMs: number): number {
    return Math.max(0, count - ((nowMs - countedMs) * this.atOnce) / this.pauseMs);
  }

  private entryOf(group: string, nowMs: number): Refusals {
    let refusals = this.groups.get(group);
    if (refusals?.link !== undefined) this.byAge.remove(refusals.link);
    else {
      if (this.groups.size >= MAX_REFUSED_GROUPS) this.forgetOldest();
      refusals = { group, count: 0, countedMs: nowMs, shutUntilMs: 0, link: undefined };
      this.groups.set(group, refusals);
    }
    refusals.link = this.byAge.push(refusals);
    return refusals;
  }

  private forgetOldest(): void {
    const { oldest } = this.byAge;
    if (oldest?.link === undefined) return;
    this.byAge.remove(oldest.link);
    this.groups.delete(oldest.group);
    this.forgotten();
  }
}
