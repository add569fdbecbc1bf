import { afterEach, expect, it, vi } from 'vitest';

const { setTimeout, MessageChannel } = globalThis;
const { getBuiltinModule } = process;
afterEach(() => {
  Object.assign(globalThis, { setTimeout, MessageChannel });
  Object.assign(process, { getBuiltinModule });
  vi.resetModules();
});

it('come to whom they belong where there are no channels and another has ended before its turn', async () => {
  const timers: (() => void)[] = [];
  const later = (work: (...args: unknown[]) => void, _ms: number, ...args: unknown[]) =>
    timers.push(() => work(...args));
  Object.assign(globalThis, { setTimeout: later, MessageChannel: undefined });
  Object.assign(process, { getBuiltinModule: undefined });
  vi.resetModules();
  const { nextTurn } = await import('./portable-turns.js');
  const done: string[] = [];
  for (const name of ['a', 'b', 'c']) nextTurn((text: string) => done.push(text), name);
  // A Worker has ended the timers of a request that was left.
  timers.shift();
  for (const timer of timers) timer();
  expect(done).toEqual(['b', 'c']);
});
