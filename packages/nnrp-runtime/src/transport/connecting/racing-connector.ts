import { answering } from '../../base/promises/settled.js';
import type { FramedConnector, FramedTransport, TransportKind } from '../contract/contract.js';
import { Race, type RaceTimes } from './race.js';
import type { WayMemory } from './way-memory.js';

/** The Connection Attempt Delay of RFC 8305, in milliseconds. */
export const HEAD_START_MS = 250;
/**
 * Timers are late by a little. So each way is over before the race is, and can say more; and the race before the time of the
 * client, and can name each way.
 */
const SHARE = { way: 0.95, race: 0.975 };

/** What a race of so many ways may take. The last one has half of the time at least. */
export function raceTimes(connectTimeoutMs: number, ways: number): RaceTimes {
  const wholeMs = shareMs(connectTimeoutMs, SHARE.race);
  return { wholeMs, headStartMs: Math.min(HEAD_START_MS, Math.floor(wholeMs / 2 / ways)) };
}

/** What the way may take that begins behind so many others, when none of them answers. */
export function wayMs(connectTimeoutMs: number, { headStartMs }: RaceTimes, before: number): number {
  return Math.max(1, shareMs(connectTimeoutMs, SHARE.way) - before * headStartMs);
}

function shareMs(wholeMs: number, share: number): number {
  return Math.max(1, Math.floor(wholeMs * share));
}

/** Connects by the first of several ways that leads anywhere. The one that was taken last begins the next time: the sessions are there. */
export class RacingConnector implements FramedConnector {
  constructor(
    private readonly memory: WayMemory,
    private readonly times: RaceTimes,
  ) {}

  /** Of the way that was taken last. */
  get kind(): TransportKind {
    return this.memory.current?.connector.kind ?? 'tcp';
  }

  /** @throws (as a rejection) UsageError at once; TransportError that names each way with its reason; the reason of `signal` */
  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return this.connectIn(this.times.wholeMs, signal);
  }

  /** The same within another time. */
  connectIn(wholeMs: number, signal: AbortSignal | undefined): Promise<FramedTransport> {
    const { memory, times } = this;
    return answering(() => Race.run(memory, { ...times, wholeMs }, signal).then(({ transport }) => transport));
  }

  /** What takes connections there does not lead to the server: the others come first. */
  ledNowhere(): number {
    this.memory.ledNowhere();
    return this.memory.size;
  }
}
