import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DeadlineList, DeadlineQueue, type Timed } from '../src/base/deadline-queue.js';

class Entry implements Timed {
  expiresAtMs = 0;
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

  it('lets entries expire when their time is over, not before, in their order', () => {
    queue.add(entry('a'), 100);
    vi.advanceTimersByTime(50);
    queue.add(entry('b'), 100);
    queue.add(entry('short'), 10);
    vi.advanceTimersByTime(9);
    expect(log).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(log).toEqual(['short']);
    vi.advanceTimersByTime(39);
    expect(log).toEqual(['short']);
    vi.advanceTimersByTime(1);
    expect(log).toEqual(['short', 'a']);
    vi.advanceTimersByTime(50);
    expect(log).toEqual(['short', 'a', 'b']);
  });

  it('needs one timer for a duration, however many entries have it, and none when there is nothing to wait for', () => {
    for (let count = 0; count < 1000; count++) queue.add(entry(`${count}`), 100);
    queue.add(entry('other'), 200);
    expect(vi.getTimerCount()).toBe(2);
    vi.advanceTimersByTime(200);
    expect(log).toHaveLength(1001);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('forgets what is removed, wherever it stands, and takes it again', () => {
    const entries = ['first', 'middle', 'last', 'kept'].map((name) => entry(name));
    for (const each of entries) queue.add(each, 100);
    for (const each of entries.slice(0, 3)) queue.remove(each);
    for (const each of entries.slice(0, 3)) queue.remove(each);
    queue.add(entries[0] as Entry, 50);
    vi.advanceTimersByTime(50);
    expect(log).toEqual(['first']);
    vi.advanceTimersByTime(50);
    expect(log).toEqual(['first', 'kept']);
  });

  it('bears entries that add and remove others when they expire', () => {
    const victim = entry('victim');
    queue.add(
      entry('a', () => {
        queue.remove(victim);
        queue.add(entry('again'), 100);
      }),
      100,
    );
    queue.add(victim, 100);
    vi.advanceTimersByTime(100);
    expect(log).toEqual(['a']);
    vi.advanceTimersByTime(100);
    expect(log).toEqual(['a', 'again']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits longer than a timer can', () => {
    const long = 0x7fffffff + 1000;
    queue.add(entry('far'), long);
    vi.advanceTimersByTime(0x7fffffff);
    expect(log).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(log).toEqual(['far']);
  });
});
