import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeepAlive } from './keep-alive.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function rethrow(error: unknown): void {
  throw error;
}

/** A target that counts how often it is asked. */
function watched() {
  const target = { received: 0, isReading: true, asked: 0, ask: () => void target.asked++, crashed: rethrow };
  return { target, keepAlive: new KeepAlive(target, 100) };
}

describe('a keep-alive', () => {
  it('asks once per period of silence', () => {
    const { target } = watched();
    vi.advanceTimersByTime(99);
    expect(target.asked).toBe(0);
    vi.advanceTimersByTime(1);
    expect(target.asked).toBe(1);
    vi.advanceTimersByTime(200);
    expect(target.asked).toBe(3);
  });

  it('does not ask while packets come, and waits a whole period after the last', () => {
    const { target } = watched();
    for (let packet = 0; packet < 20; packet++) {
      vi.advanceTimersByTime(50);
      target.received++;
    }
    expect(target.asked).toBe(0);
    vi.advanceTimersByTime(100);
    expect(target.asked).toBe(0);
    vi.advanceTimersByTime(25);
    expect(target.asked).toBe(1);
  });

  it('does not ask while nothing is read on this side', () => {
    const { target } = watched();
    target.isReading = false;
    vi.advanceTimersByTime(1000);
    target.isReading = true;
    vi.advanceTimersByTime(75);
    expect(target.asked).toBe(0);
    vi.advanceTimersByTime(25);
    expect(target.asked).toBe(1);
  });

  it('costs no timer once it is stopped', () => {
    const { target, keepAlive } = watched();
    keepAlive.stop();
    vi.advanceTimersByTime(1000);
    expect([target.asked, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
