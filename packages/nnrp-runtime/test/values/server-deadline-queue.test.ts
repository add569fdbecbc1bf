import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DeadlineList, DeadlineQueue, type Timed } from '../../src/base/time/deadline-queue.js';
import type { Turn } from '../../src/base/time/turn.js';

class Entry implements Timed {
  timedSince: Turn | undefined;
  timedBefore: Timed | undefined;
  timedAfter: Timed | undefined;
  timedIn: DeadlineList | undefined;

  constructor(
    private readonly name: string,
    private readonly log: string[],
    private readonly act: () => void = () => {},
  ) {}

  crashed(error: unknown): void {
    this.log.push(`${this.name} crashed: ${(error as Error).message}`);
  }

  expired(): void {
    this.log.push(this.name);
    this.act();
  }
}

describe('a queue of deadlines', () => {
  let queue: DeadlineQueue;
  let log: string[];
  const entry = (name: string, act?: () => void) => new Entry(name, log, act);

  beforeEach(() => {
    vi.useFakeTimers();
    log = [];
    queue = new DeadlineQueue({ crashed: (error) => log.push(`queue crashed: ${(error as Error).message}`) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets entries expire when their time is over, not before, in their order', async () => {
    queue.add(entry('a'), 100);
    await vi.advanceTimersByTimeAsync(50);
    queue.add(entry('b'), 100);
    queue.add(entry('short'), 10);
    await vi.advanceTimersByTimeAsync(9);
    expect(log).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(['short']);
    await vi.advanceTimersByTimeAsync(39);
    expect(log).toEqual(['short']);
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(['short', 'a']);
    await vi.advanceTimersByTimeAsync(50);
    expect(log).toEqual(['short', 'a', 'b']);
  });

  it('needs one timer for a duration, however many entries have it, and none when there is nothing to wait for', async () => {
    for (let count = 0; count < 1000; count++) queue.add(entry(`${count}`), 100);
    queue.add(entry('other'), 200);
    expect(vi.getTimerCount()).toBe(2);
    await vi.advanceTimersByTimeAsync(200);
    expect(log).toHaveLength(1001);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps no timer of a long duration that nobody uses any more', async () => {
    for (let count = 1; count <= 100; count++) {
      const each = entry('never');
      queue.add(each, count * 3_600_000);
      queue.remove(each);
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect([vi.getTimerCount(), log]).toEqual([0, []]);
  });

  it('counts from the end of the turn in which an entry came', async () => {
    queue.add(entry('a'), 100);
    // The application works on, and submits again.
    vi.advanceTimersByTime(60);
    queue.add(entry('b'), 100);
    await vi.advanceTimersByTimeAsync(99);
    expect(log).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(['a', 'b']);
  });

  it('forgets what is removed, wherever it stands, and takes it again', async () => {
    const entries = ['first', 'middle', 'last', 'kept'].map((name) => entry(name));
    for (const each of entries) queue.add(each, 100);
    for (const each of entries.slice(0, 3)) queue.remove(each);
    for (const each of entries.slice(0, 3)) queue.remove(each);
    queue.add(entries[0] as Entry, 50);
    await vi.advanceTimersByTimeAsync(50);
    expect(log).toEqual(['first']);
    await vi.advanceTimersByTimeAsync(50);
    expect(log).toEqual(['first', 'kept']);
  });

  it('bears entries that add and remove others when they expire', async () => {
    const victim = entry('victim');
    queue.add(
      entry('a', () => {
        queue.remove(victim);
        queue.add(entry('again'), 100);
      }),
      100,
    );
    queue.add(victim, 100);
    await vi.advanceTimersByTimeAsync(100);
    expect(log).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(100);
    expect(log).toEqual(['a', 'again']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits longer than a timer can', async () => {
    const long = 0x7fffffff + 1000;
    queue.add(entry('far'), long);
    vi.advanceTimersByTime(0x7fffffff);
    expect(log).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(log).toEqual(['far']);
  });
});
