import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HandlerFailure } from '../contract/server-events.js';
import { HANDLER_WORDS, INTERNAL_WORDS, UnhandledFailures } from './unhandled-failures.js';

const MINUTE_MS = 60_000;
const owner = { crashed: (error: unknown) => expect.unreachable(String(error)) };
const warnings: { text: string; detail: string }[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(process, 'emitWarning').mockImplementation((text, options) => {
    warnings.push({ text: String(text), detail: (options as { detail: string }).detail });
  });
});
afterEach(() => {
  warnings.length = 0;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function fail(failures: UnhandledFailures<HandlerFailure>, frameId: number): void {
  failures.add({ sessionId: 7, frameId, error: new Error(`broken ${frameId}`) });
}

describe('failures of handlers that nobody listens to', () => {
  it('show what a client has sent as text that no terminal obeys', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    const said = () => JSON.parse('\u001b[2J\u009b2J\u202e no JSON');
    expect(said).toThrow(SyntaxError);
    try {
      said();
    } catch (error) {
      failures.add({ sessionId: 7, frameId: 1, error });
    }
    expect(warnings[0]?.detail).toContain('\\x1b[2J\\x9b2J\\u202e no JSON');
    expect(warnings[0]?.detail).toMatch(/\n {4}at /);
    expect(warnings[0]?.detail).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    failures.end();
  });

  it('show what has caused them, which often says more', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:8000\u001b[2J', { cause: 'no server' });
    failures.add({ sessionId: 7, frameId: 1, error: new TypeError('fetch failed', { cause }) });
    const [{ detail } = { detail: '' }] = warnings;
    expect(detail).toMatch(/^TypeError: fetch failed\n {4}at /);
    expect(detail).toMatch(/\n {2}\[cause\]: Error: connect ECONNREFUSED 127\.0\.0\.1:8000\\x1b\[2J\n {6}at /);
    expect(detail).toMatch(/\n {2}\[cause\]: no server$/);
    failures.end();
  });

  it('show each of several errors, which have no cause', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    const none = new AggregateError(
      [new Error('connect ECONNREFUSED ::1:8000'), new Error('connect ECONNREFUSED 127.0.0.1:8000')],
      'none of two',
    );
    failures.add({ sessionId: 7, frameId: 1, error: new TypeError('fetch failed', { cause: none }) });
    const [{ detail } = { detail: '' }] = warnings;
    expect(detail.match(/^ {2}\[.*$/gm)).toEqual([
      '  [cause]: AggregateError: none of two',
      '  [errors]: Error: connect ECONNREFUSED ::1:8000',
      '  [errors]: Error: connect ECONNREFUSED 127.0.0.1:8000',
    ]);
    failures.end();
  });

  it('show a cause that has led to itself once', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    const error = new Error('one');
    error.cause = new AggregateError([error, new Error('other')], 'both', { cause: error });
    failures.add({ sessionId: 7, frameId: 1, error });
    const [{ detail } = { detail: '' }] = warnings;
    expect(detail.match(/^(?! *at ).*$/gm)).toEqual([
      'Error: one',
      '  [cause]: AggregateError: both',
      '  [errors]: Error: other',
    ]);
    failures.end();
  });

  it('are a warning at once, with the stack; those that follow are counted for a minute', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    for (let frameId = 1; frameId <= 1000; frameId++) fail(failures, frameId);
    expect(warnings).toEqual([
      { text: expect.stringContaining('session 7, frame 1'), detail: expect.stringMatching(/broken 1\n {4}at /) },
    ]);
    vi.advanceTimersByTime(MINUTE_MS - 1);
    expect(warnings).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(warnings[1]).toEqual({
      text: expect.stringContaining('999 more failures'),
      detail: expect.stringContaining('broken 1000'),
    });
    fail(failures, 1001);
    expect(warnings).toHaveLength(2);
  });

  it('are said at once again when there were none for a minute', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    fail(failures, 1);
    vi.advanceTimersByTime(MINUTE_MS);
    expect([warnings.length, vi.getTimerCount()]).toEqual([1, 0]);
    fail(failures, 2);
    expect(warnings[1]?.text).toContain('frame 2');
  });

  it('that are still to be said are said at the end, which leaves no timer', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    for (const frameId of [1, 2, 3]) fail(failures, frameId);
    failures.end();
    expect(warnings[1]?.text).toContain('2 more failures');
    expect(vi.getTimerCount()).toBe(0);
    failures.end();
    expect(warnings).toHaveLength(2);
  });

  it('may be anything that can be thrown', () => {
    const failures = new UnhandledFailures(owner, HANDLER_WORDS);
    failures.add({ sessionId: 1, frameId: 0, error: undefined });
    expect(warnings).toEqual([{ text: expect.stringContaining('(session 1)'), detail: 'undefined' }]);
  });

  it('of the server itself are counted in the same way', () => {
    const failures = new UnhandledFailures(owner, INTERNAL_WORDS);
    for (let client = 1; client <= 100; client++)
      failures.add({ error: new Error(`broken ${client}`), remoteAddress: `127.0.0.1:${client}` });
    expect(warnings.map(({ text }) => text)).toEqual([
      'an internal error of the server (client 127.0.0.1:1); the event internalError tells of each',
    ]);
    failures.end();
    expect(warnings[1]?.text).toContain('99 more internal errors of the server');
  });
});
