import { afterEach, expect, it, vi } from 'vitest';

const { setTimeout, MessageChannel } = globalThis;
const { getBuiltinModule } = process;
afterEach(() => {
  Object.assign(globalThis, { setTimeout, MessageChannel });
  Reflect.deleteProperty(globalThis, 'WebSocketPair');
  Object.assign(process, { getBuiltinModule });
  vi.resetModules();
});

it.each([
  ['there are no channels', { MessageChannel: undefined }],
  ['Workers run, which have both', { WebSocketPair: class {} }],
])('come to whom they belong where %s and another has ended before its turn', async (_where, globals) => {
  const timers: (() => void)[] = [];
  const later = (work: (...args: unknown[]) => void, _ms: number, ...args: unknown[]) =>
    timers.push(() => work(...args));
  Object.assign(globalThis, { setTimeout: later, ...globals });
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
