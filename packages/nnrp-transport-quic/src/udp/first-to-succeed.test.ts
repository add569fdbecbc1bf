import { describe, expect, it } from 'vitest';
import { firstToSucceed } from './first-to-succeed.js';

/** An attempt that ends when the test says so. */
function attempt() {
  const state = {
    signal: undefined as AbortSignal | undefined,
    begun: false,
    succeed: (_: string) => {},
    fail: (_: Error) => {},
  };
  const run = (signal: AbortSignal) => {
    state.begun = true;
    state.signal = signal;
    return new Promise<string>((resolve, reject) => {
      state.succeed = resolve;
      state.fail = reject;
    });
  };
  return Object.assign(state, { run });
}

const NEVER_MS = 60_000;
const never = () => new AbortController().signal;

describe('attempts one after another', () => {
  it('end with the first success, and the next one is not begun', async () => {
    const [first, second] = [attempt(), attempt()];
    const result = firstToSucceed([first.run, second.run], () => {}, never(), NEVER_MS);
    first.succeed('first');
    expect(await result).toBe('first');
    expect(second.begun).toBe(false);
  });

  it('go on at once when one fails', async () => {
    const [first, second] = [attempt(), attempt()];
    const result = firstToSucceed([first.run, second.run], () => {}, never(), NEVER_MS);
    first.fail(new Error('no'));
    await expect.poll(() => second.begun).toBe(true);
    second.succeed('second');
    expect(await result).toBe('second');
  });

  it('run beside each other when one is slow; what comes too late is given back', async () => {
    const [first, second] = [attempt(), attempt()];
    const back: string[] = [];
    const result = firstToSucceed([first.run, second.run], (late) => back.push(late), never(), 1);
    await expect.poll(() => second.begun).toBe(true);
    second.succeed('second');
    expect(await result).toBe('second');
    first.succeed('first');
    await expect.poll(() => back).toEqual(['first']);
  });

  it('fail with the first error when all have failed', async () => {
    const [first, second] = [attempt(), attempt()];
    const result = firstToSucceed([first.run, second.run], () => {}, never(), 1);
    const refused = expect(result).rejects.toThrow('of the first');
    await expect.poll(() => second.begun).toBe(true);
    first.fail(new Error('of the first'));
    second.fail(new Error('of the second'));
    await refused;
  });

  it('tell those that have lost that they are not needed any more', async () => {
    const [first, second] = [attempt(), attempt()];
    const result = firstToSucceed([first.run, second.run], () => {}, never(), 1);
    await expect.poll(() => second.begun).toBe(true);
    expect(first.signal?.aborted).toBe(false);
    second.succeed('second');
    await result;
    expect(first.signal?.aborted).toBe(true);
  });

  it('end when they are given up, with the reason, and none is begun after that', async () => {
    const giveUp = new AbortController();
    const [first, second] = [attempt(), attempt()];
    const result = firstToSucceed([first.run, second.run], () => {}, giveUp.signal, NEVER_MS);
    giveUp.abort(new Error('too late'));
    await expect(result).rejects.toThrow('too late');
    expect([first.signal?.aborted, second.begun]).toEqual([true, false]);
    await expect(firstToSucceed([second.run], () => {}, giveUp.signal)).rejects.toThrow('too late');
    expect(second.begun).toBe(false);
  });
});
