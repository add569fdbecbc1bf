import { TransportError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientOperation } from '../results/client-operation.js';
import { submitMetadata } from './submit-options.js';
import { WaitingSubmits } from './waiting-submits.js';

const metadata: preview3.FrameSubmit = submitMetadata();

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A line of this many, each with its number as its body. */
function line(count: number, signal?: AbortSignal) {
  const retries = vi.fn();
  const waiting = new WaitingSubmits(NO_WAITER, retries, 10_000);
  const submits = Array.from({ length: count }, (_, index) =>
    waiting.add(new Uint32Array([index]) as never, metadata, signal === undefined ? undefined : { signal }, itself),
  );
  return { waiting, retries, submits };
}

const itself = (operation: ClientOperation) => Promise.resolve(operation);

const takeFirst = (waiting: WaitingSubmits): number | undefined => {
  const first = waiting.first();
  if (first !== undefined) waiting.take(first);
  return first?.body[0];
};

const NO_WAITER = {
  crashed(error: unknown): void {
    throw error;
  },
};

describe('a line of submits', () => {
  it('is served in order, however long it is and whoever leaves it', async () => {
    const abort = new AbortController();
    const { waiting, submits } = line(300);
    const leaving = waiting.add(new Uint8Array(1), metadata, { signal: abort.signal }, itself);
    void waiting.add(new Uint32Array([300]) as never, metadata, undefined, itself);
    for (let index = 0; index < 250; index++) expect(takeFirst(waiting)).toBe(index);
    abort.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    for (let index = 250; index <= 300; index++) expect(takeFirst(waiting)).toBe(index);
    expect([waiting.isEmpty, takeFirst(waiting), submits.length]).toEqual([true, undefined, 300]);
  });

  it('may be left by all at once', async () => {
    const abort = new AbortController();
    const { waiting, submits } = line(500, abort.signal);
    abort.abort('all');
    for (const submit of submits) await expect(submit).rejects.toMatchObject({ cause: 'all' });
    expect([waiting.isEmpty, waiting.first()]).toEqual([true, undefined]);
  });

  it('is left at its deadlineAt, and by none that was taken before or is too far away for a timer', async () => {
    const { waiting } = line(1);
    const add = (afterMs: number) =>
      waiting.add(new Uint8Array(1), metadata, { deadlineAt: Date.now() + afterMs }, itself);
    const [second, first] = [add(200), add(100), add(300), add(2 ** 31)];
    takeFirst(waiting);
    vi.advanceTimersByTime(99);
    expect(vi.getTimerCount()).toBe(3);
    vi.advanceTimersByTime(102);
    for (const late of [first, second]) await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_DEADLINE' });
    // The one whose time has not passed yet.
    takeFirst(waiting);
    expect([waiting.isEmpty, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it('is rejected as a whole when the session ends', async () => {
    const { waiting, submits } = line(3);
    const reason = new TransportError('gone');
    waiting.end(reason);
    for (const submit of submits) await expect(submit).rejects.toMatchObject({ code: reason.code, cause: reason });
    expect(waiting.isEmpty).toBe(true);
  });

  it('tries again once, at the time it is told last', () => {
    const { waiting, retries } = line(1);
    waiting.retry({ reason: 'retry_after', retryAtMs: performance.now() + 10 });
    waiting.retry({ reason: 'retry_after', retryAtMs: performance.now() + 50 });
    vi.advanceTimersByTime(49);
    expect(retries).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(retries).toHaveBeenCalledOnce();
    waiting.retry({ reason: 'retry_after', retryAtMs: performance.now() + 10 });
    waiting.retry({ reason: 'paused' });
    vi.advanceTimersByTime(100);
    expect(retries).toHaveBeenCalledOnce();
  });
});

it('a long line may be left from its end as fast as from its head', async () => {
  const waiting = new WaitingSubmits(NO_WAITER, () => {}, 100_000);
  const search = vi.spyOn(Array.prototype, 'indexOf');
  const aborts = Array.from({ length: 2000 }, () => new AbortController());
  const submits = aborts.map(({ signal }) => waiting.add(new Uint8Array(1), metadata, { signal }, itself));
  for (const abort of aborts.slice(1).reverse()) abort.abort();
  const searches = search.mock.calls.length;
  search.mockRestore();
  expect(searches).toBe(0);
  void waiting.add(new Uint32Array([7]) as never, metadata, undefined, itself);
  expect([takeFirst(waiting), takeFirst(waiting), waiting.isEmpty]).toEqual([0, 7, true]);
  await expect(Promise.all(submits.slice(1))).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
});
