import { afterEach, describe, expect, it, vi } from 'vitest';
import { Reconnecting } from '../../../src/client/recovery/reconnecting.js';
import { within } from '../../../src/testing/within.js';
import type { FramedTransport } from '../../../src/transport/contract/contract.js';
import { memoryPair } from '../../../src/transport/memory.js';

/** Milliseconds, less than the wait that it must cut short. */
const SOON_MS = 2000;
/** Nothing waits for them here. */
const ANSWERS = { pingTimeoutMs: 1000, openTimeoutMs: 1000 };

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A platform that tells when its network is there. */
function network() {
  const listeners = new Set<() => void>();
  vi.stubGlobal('addEventListener', (event: string, listener: () => void) => {
    if (event === 'online') listeners.add(listener);
  });
  vi.stubGlobal('removeEventListener', (_event: string, listener: () => void) => listeners.delete(listener));
  return {
    listeners,
    isBack: () => {
      for (const listener of [...listeners]) listener();
    },
  };
}

describe('an attempt to connect again', () => {
  it('is made at once when the platform says that its network is back', async () => {
    const { listeners, isBack } = network();
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const signals: AbortSignal[] = [];
    const [here, there] = memoryPair();
    let answer: (transport: FramedTransport) => void = () => {};
    const connected = new Promise<FramedTransport>((resolve) => {
      answer = resolve;
    });
    const unexpected = (error: unknown) => expect.unreachable(String(error));
    const reconnecting = new Reconnecting(
      { connected: answer, connectFailed: unexpected, crashed: unexpected },
      {
        kind: 'memory',
        connect(signal) {
          signals.push(signal as AbortSignal);
          // The first is one of a network that was not there: it would never come about.
          return signals.length === 1 ? new Promise(() => {}) : Promise.resolve(here);
        },
      },
      { reconnectBackoffMs: 5000, connectTimeoutMs: 60_000, ...ANSWERS },
    );
    reconnecting.begin(0);
    expect([signals.length, listeners.size]).toEqual([0, 1]);
    vi.spyOn(Math, 'random').mockReturnValue(0);
    isBack();
    await vi.waitFor(() => expect(signals).toHaveLength(1), SOON_MS);
    // It may be of the network that is back, as long as it is young.
    isBack();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    const nowMs = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(nowMs + 5001);
    isBack();
    expect(await within(connected, SOON_MS, 'the connection')).toBe(here);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(listeners.size).toBe(0);
    there.abort();
  });

  it('still waits for as long as the server has asked for', async () => {
    const { isBack } = network();
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const unexpected = () => expect.unreachable('the server wants no attempt yet');
    const reconnecting = new Reconnecting(
      { connected: unexpected, connectFailed: unexpected, crashed: unexpected },
      { kind: 'memory', connect: unexpected },
      { reconnectBackoffMs: 1, connectTimeoutMs: 1000, ...ANSWERS },
    );
    reconnecting.begin(60_000);
    isBack();
    // Whatever would be made now is made before this.
    await new Promise((resolve) => setTimeout(resolve, 20));
    reconnecting.stop();
  });

  it('is not made any more after the end', () => {
    const { listeners, isBack } = network();
    const unexpected = () => expect.unreachable('nothing is asked for');
    const reconnecting = new Reconnecting(
      { connected: unexpected, connectFailed: unexpected, crashed: unexpected },
      { kind: 'memory', connect: unexpected },
      { reconnectBackoffMs: 5000, connectTimeoutMs: 1000, ...ANSWERS },
    );
    reconnecting.begin(0);
    reconnecting.stop();
    expect(listeners.size).toBe(0);
    isBack();
  });
});
