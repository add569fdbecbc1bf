import { LinkedQueue, type Place } from '../../base/queues/linked-queue.js';

/** Milliseconds after which a peer that has said nothing counts as silent. Before, its first bytes may be on the way. */
const TIME_TO_SPEAK_MS = 1000;

/** After which one may go for another that waits, in times of what those take that come to their end. */
const TIMES_THE_USUAL = 8;
/** What one is taken to take before any has come to its end; the first that does can only make it less. */
const FIRST_USUAL_MS = 125;
/** Bounds of what is usual, so that neither fast peers nor slow ones decide for all: for half a second, or for four. */
const LEAST_USUAL_MS = TIME_TO_SPEAK_MS / 2 / TIMES_THE_USUAL;
const MOST_USUAL_MS = (4 * TIME_TO_SPEAK_MS) / TIMES_THE_USUAL;
/** How far one that comes to its end moves what is usual, whatever it has taken. */
const STEP = 1.125;

/** A connection that has not proved anything yet. */
export interface Stranger {
  /** See `addressGroup`; without one it counts in all only. */
  readonly addressGroup: string | undefined;
  /** Whether it has begun to say what makes sense. */
  hasSpoken(): boolean;
  /** Another connection needs its place, which is free already: ends it at once. Must not throw. */
  makeRoom(): void;
}

/** How many there may be; 0 = no limit. */
export interface StrangerLimits {
  readonly inAll: number;
  readonly perAddress: number;
}

/** A limit as stats show it. */
export function boundOf(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

/** The strangers of an address, or all of them: in the order in which they have come, and in which they have spoken. */
interface Line<S> {
  readonly silent: LinkedQueue<Entry<S>>;
  readonly speaking: LinkedQueue<Entry<S>>;
}

interface Entry<S> {
  readonly stranger: S;
  readonly sinceMs: number;
  readonly ofAddress: Line<S> | undefined;
  speaks: boolean;
  link: Place<Entry<S>> | undefined;
  linkOfAddress: Place<Entry<S>> | undefined;
}

/**
 * Strangers, within bounds. A newcomer is always let in: when there are as many as there may be, the oldest one that has
 * had time to speak and is silent goes, else the oldest of all, so that none stays by dripping either. An address that has
 * its fill pays with its own. Each step takes the same time, however many there are.
 */
export class Strangers<S extends Stranger> {
  private readonly entries = new Map<S, Entry<S>>();
  private readonly everything: Line<S> = newLine();
  private readonly addresses = new Map<string, Line<S>>();
  /**
   * Milliseconds from the beginning to the end, of those that came to it: half of them take less. It is no mean, which a
   * single one that takes its time on purpose would make long for all.
   */
  private usualMs: number | undefined;
  private stoodStillMs = 0;

  /** @param hit - a bound was reached, the one in all or the one per address */
  constructor(
    private limits: StrangerLimits,
    private readonly hit: (bound: keyof StrangerLimits) => void,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** Of the address that has most; walks over all addresses. */
  get mostOfAnAddress(): number {
    let most = 0;
    for (const line of this.addresses.values()) most = Math.max(most, sizeOf(line));
    return most;
  }

  /** From now on, for newcomers. */
  limit(limits: StrangerLimits): void {
    this.limits = limits;
  }

  /** Whether more than half of the places are taken, in all or of this one's address. */
  isCrowded(stranger: S): boolean {
    const { inAll, perAddress } = this.limits;
    if (inAll > 0 && this.entries.size > inAll / 2) return true;
    const line = this.entries.get(stranger)?.ofAddress;
    return line !== undefined && perAddress > 0 && sizeOf(line) > perAddress / 2;
  }

  /**
   * Whether one more of the address would end none that has not had its time. Where newcomers ask again by themselves, it is
   * better to let them: many honest ones may come from one address at once.
   */
  mayCome(group: string | undefined): boolean {
    const full = this.fullOf(group);
    if (full?.bound !== 'perAddress') return true;
    if (this.hasHadItsTime(this.nextToGo(full.line))) return true;
    this.hit('perAddress');
    return false;
  }

  /** The bound for which one more of the address would end another; undefined where there is room. */
  boundOf(group: string | undefined): keyof StrangerLimits | undefined {
    return this.fullOf(group)?.bound;
  }

  /**
   * Whether one more of the address, which waits, would end none that has not had its time. That goes by what others take:
   * little while a flood of peers that finish nothing keeps the places of an idle server, more while it has more honest ones
   * than it is fast enough for.
   */
  mayBegin(group: string | undefined): boolean {
    const full = this.fullOf(group);
    return this.hasHadItsTime(full && this.nextToGo(full.line));
  }

  private hasHadItsTime(next: Entry<S> | undefined): boolean {
    if (next === undefined) return true;
    const usual = TIMES_THE_USUAL * (this.usualMs ?? FIRST_USUAL_MS);
    const timeMs = next.speaks ? usual : Math.min(usual, TIME_TO_SPEAK_MS);
    return this.nowMs() - next.sinceMs >= timeMs;
  }

  /** One more. Others may be ended by it, never this one. */
  add(stranger: S): void {
    if (this.entries.has(stranger)) return;
    const full = this.fullOf(stranger.addressGroup);
    if (full !== undefined) this.evict(full.line, full.bound);
    this.insert(stranger, stranger.addressGroup);
  }

  /** It has come to its end and is no stranger any more. */
  finished(stranger: S): void {
    const entry = this.entries.get(stranger);
    if (entry === undefined) return;
    const tookMs = this.nowMs() - entry.sinceMs;
    this.usualMs = Math.min(Math.max(this.usualAfter(tookMs), LEAST_USUAL_MS), MOST_USUAL_MS);
    this.delete(stranger);
  }

  /** Nothing to do with strangers any more. */
  delete(stranger: S): void {
    const entry = this.entries.get(stranger);
    if (entry === undefined) return;
    this.entries.delete(stranger);
    this.unlink(entry);
    const { ofAddress } = entry;
    if (ofAddress === undefined || sizeOf(ofAddress) > 0) return;
    this.addresses.delete(stranger.addressGroup as string);
  }

  /**
   * Makes room that is needed elsewhere: the next one to go does, if it has had its time.
   * @returns whether there was one
   */
  giveUpOne(): boolean {
    const next = this.nextToGo(this.everything);
    if (next === undefined || this.nowMs() - next.sinceMs < TIME_TO_SPEAK_MS) return false;
    this.delete(next.stranger);
    next.stranger.makeRoom();
    return true;
  }

  /** The process has read of no stranger for so many milliseconds: they do not count as time that these had. */
  stoodStill(ms: number): void {
    this.stoodStillMs += ms;
  }

  private usualAfter(tookMs: number): number {
    const { usualMs } = this;
    if (usualMs === undefined) return Math.min(tookMs, FIRST_USUAL_MS);
    return tookMs > usualMs ? usualMs * STEP : usualMs / STEP;
  }

  private nowMs(): number {
    return performance.now() - this.stoodStillMs;
  }

  private fullOf(group: string | undefined): { bound: keyof StrangerLimits; line: Line<S> } | undefined {
    const { inAll, perAddress } = this.limits;
    const line = group === undefined ? undefined : this.addresses.get(group);
    if (line !== undefined && perAddress > 0 && sizeOf(line) >= perAddress) return { bound: 'perAddress', line };
    return inAll > 0 && this.entries.size >= inAll ? { bound: 'inAll', line: this.everything } : undefined;
  }

  private insert(stranger: S, group: string | undefined): void {
    let ofAddress = group === undefined ? undefined : this.addresses.get(group);
    if (group !== undefined && ofAddress === undefined) {
      ofAddress = newLine();
      this.addresses.set(group, ofAddress);
    }
    const entry: Entry<S> = {
      stranger,
      sinceMs: this.nowMs(),
      ofAddress,
      speaks: false,
      link: undefined,
      linkOfAddress: undefined,
    };
    entry.link = this.everything.silent.push(entry);
    entry.linkOfAddress = ofAddress?.silent.push(entry);
    this.entries.set(stranger, entry);
  }

  private evict(line: Line<S>, bound: keyof StrangerLimits): void {
    const next = this.nextToGo(line);
    if (next === undefined) return;
    this.delete(next.stranger);
    next.stranger.makeRoom();
    this.hit(bound);
  }

  private nextToGo(line: Line<S>): Entry<S> | undefined {
    // Each moves over once: whether a connection has spoken is looked at when it matters, not told with every packet.
    for (let head = line.silent.oldest; head?.stranger.hasSpoken(); head = line.silent.oldest) this.spoke(head);
    const silent = line.silent.oldest;
    const speaking = line.speaking.oldest;
    if (silent === undefined || speaking === undefined) return silent ?? speaking;
    const hadTime = this.nowMs() - silent.sinceMs >= TIME_TO_SPEAK_MS;
    return hadTime || silent.sinceMs <= speaking.sinceMs ? silent : speaking;
  }

  private spoke(entry: Entry<S>): void {
    this.unlink(entry);
    entry.speaks = true;
    entry.link = this.everything.speaking.push(entry);
    entry.linkOfAddress = entry.ofAddress?.speaking.push(entry);
  }

  private unlink({ speaks, link, linkOfAddress, ofAddress }: Entry<S>): void {
    const queue = speaks ? 'speaking' : 'silent';
    if (link !== undefined) this.everything[queue].remove(link);
    if (linkOfAddress !== undefined) ofAddress?.[queue].remove(linkOfAddress);
  }
}

function newLine<S>(): Line<S> {
  return { silent: new LinkedQueue(), speaking: new LinkedQueue() };
}

function sizeOf({ silent, speaking }: Line<unknown>): number {
  return silent.size + speaking.size;
}
