import { TransportError, UsageError } from 'nnrp-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FramedTransport } from '../contract/contract.js';
import { MemoryListener } from '../memory.js';
import { Race } from './race.js';
import { HEAD_START_MS, raceTimes, wayMs } from './racing-connector.js';
import { type Way, WayMemory } from './way-memory.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A way that does what a test says. */
class Steered implements Way {
  readonly connector = { kind: 'memory', connect: (signal?: AbortSignal) => this.asked(signal) } as const;
  signal: AbortSignal | undefined;
  resolve: (transport: FramedTransport) => void = () => {};
  reject: (error: unknown) => void = () => {};

  constructor(readonly text: string) {}

  private asked(signal?: AbortSignal): Promise<FramedTransport> {
    this.signal = signal;
    return new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  }
}

function race(names: string, signal?: AbortSignal) {
  const ways = [...names].map((name) => new Steered(name));
  const memory = new WayMemory(ways);
  const outcome = Race.run(memory, { wholeMs: 10_000, headStartMs: 250 }, signal);
  outcome.catch(() => {});
  const asked = () => ways.flatMap(({ text, signal }) => (signal === undefined ? [] : [text])).join('');
  const order = () => memory.inOrder().map(({ text }) => text);
  return { ways: ways as [Steered, Steered, Steered], outcome, asked, order };
}

const transport = () => new MemoryListener().connect();
const settled = () => vi.advanceTimersByTimeAsync(0);

describe('a race', () => {
  it('gives each a head start before the next', async () => {
    const { asked } = race('abc');
    const seen: [number, string][] = [[0, asked()]];
    for (const ms of [249, 1, 249, 1]) {
      await vi.advanceTimersByTimeAsync(ms);
      seen.push([ms, asked()]);
    }
    expect(seen).toEqual([
      [0, 'a'],
      [249, 'a'],
      [1, 'ab'],
      [249, 'ab'],
      [1, 'abc'],
    ]);
  });

  it('goes on at once when one has failed, and gives the next the whole head start', async () => {
    const { ways, asked } = race('abc');
    await vi.advanceTimersByTimeAsync(200);
    ways[0].reject(new TransportError('refused'));
    await settled();
    expect(asked()).toBe('ab');
    await vi.advanceTimersByTimeAsync(249);
    expect(asked()).toBe('ab');
    await vi.advanceTimersByTimeAsync(1);
    expect(asked()).toBe('abc');
  });

  it.each(['later', 'at the same time'])(
    'is won by the first that connects: the others are given up, and what they bring %s is aborted',
    async (when) => {
      const { ways, outcome, order } = race('abc');
      await vi.advanceTimersByTimeAsync(250);
      const [late, best] = [await transport(), await transport()];
      const aborted = vi.spyOn(late, 'abort');
      ways[1].resolve(best);
      if (when === 'later') await settled();
      expect(ways[0].signal?.aborted).toBe(when === 'later');
      ways[0].resolve(late);
      expect(await outcome).toEqual({ way: ways[1], transport: best });
      await settled();
      expect([aborted.mock.calls.length, ways[2].signal]).toEqual([1, undefined]);
      // The one that was overtaken counts as failed, the one that was not asked does not.
      expect(order()).toEqual(['b', 'c', 'a']);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('can still be won by the first one, and then the later ones have not failed', async () => {
    const { ways, outcome, order } = race('abc');
    await vi.advanceTimersByTimeAsync(250);
    ways[0].resolve(await transport());
    expect((await outcome).way).toBe(ways[0]);
    expect(ways[1].signal?.aborted).toBe(true);
    expect(order()).toEqual(['a', 'b', 'c']);
  });

  it('is lost with each reason, in the order of the attempts, and once no more is under way', async () => {
    const { ways, outcome } = race('ab');
    await vi.advanceTimersByTimeAsync(250);
    ways[1].reject(new TransportError('refused', { isRetryable: false }));
    await settled();
    ways[0].reject(new TransportError('unreachable'));
    await expect(outcome).rejects.toMatchObject({
      rawMessage: 'no address can be connected to: a: unreachable; b: refused',
      isRetryable: true,
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends within its time although connectors take no notice', async () => {
    const { outcome } = race('ab');
    await vi.advanceTimersByTimeAsync(10_010);
    await expect(outcome).rejects.toThrow(
      /a: the connector has made no connection within 10000 ms; b: .* within 9750 ms/,
    );
  });

  it('is over with a mistake, which is one on any other way, too', async () => {
    const { ways, outcome, asked } = race('ab');
    ways[0].reject(new UsageError('no such option'));
    await expect(outcome).rejects.toThrow('no such option');
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toBe('a');
  });

  it('is given up by its signal, and then starts nothing', async () => {
    const giveUp = new AbortController();
    const { ways, outcome, asked, order } = race('abc', giveUp.signal);
    await vi.advanceTimersByTimeAsync(250);
    giveUp.abort(new Error('changed my mind'));
    await expect(outcome).rejects.toThrow('changed my mind');
    expect(ways.slice(0, 2).map(({ signal }) => signal?.aborted)).toEqual([true, true]);
    await vi.advanceTimersByTimeAsync(1000);
    expect([asked(), order().join(''), vi.getTimerCount()]).toEqual(['ab', 'abc', 0]);
    const over = race('ab', giveUp.signal);
    await expect(over.outcome).rejects.toThrow('changed my mind');
    expect(over.asked()).toBe('');
  });
});

it('leaves the last of many ways half of the time at least', () => {
  expect(raceTimes(10_000, 3)).toEqual({ wholeMs: 9750, headStartMs: HEAD_START_MS });
  for (const [timeoutMs, ways] of [
    [400, 2],
    [1000, 8],
    [1, 5],
  ] as const) {
    const times = raceTimes(timeoutMs, ways);
    expect(times.wholeMs).toBeGreaterThanOrEqual(1);
    expect((ways - 1) * times.headStartMs).toBeLessThanOrEqual(times.wholeMs / 2);
    expect(wayMs(timeoutMs, times, ways - 1)).toBeGreaterThanOrEqual(1);
  }
});
