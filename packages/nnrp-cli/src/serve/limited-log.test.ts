import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LimitedLog } from './limited-log.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('LimitedLog', () => {
  it('writes so many lines a second, then counts', () => {
    const { log, text } = start();
    for (let event = 1; event <= 5; event++) log.line(`event ${event}`);
    expect(text()).toBe('event 1\nevent 2\n');
    vi.advanceTimersByTime(1000);
    expect(text()).toBe('... and 3 more events\n');
    log.line('event 6');
    expect(text()).toBe('event 6\n');
  });

  it('writes the count that is due when it ends', () => {
    const { log, text } = start();
    for (let event = 1; event <= 3; event++) log.line('x');
    log.end();
    expect(text()).toBe('x\nx\n... and 1 more events\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps an event on one line', () => {
    const { log, text } = start();
    log.line('a\r\nb\u001b[31m\u0085c');
    expect(text()).toBe('a\\r\\nb\\x1b[31m\\x85c\n');
  });
});

function start() {
  const stream = new PassThrough().setEncoding('utf8');
  return { log: new LimitedLog(stream, 2), text: () => (stream.read() as string | null) ?? '' };
}
