import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { TransportKind } from '../contract/contract.js';
import { FAILURE_MEMORY_MS, type Way, WayMemory } from './way-memory.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const way = (text: string, kind: TransportKind): Way => ({
  text,
  connector: { kind, connect: () => Promise.reject(new Error('not asked')) },
});
const [a, b, c] = [way('a', 'quic'), way('b', 'tcp'), way('c', 'tcp')];
const order = (memory: WayMemory) =>
  memory
    .inOrder()
    .map(({ text }) => text)
    .join('');

it('keeps the order that it was given, and begins with the way that was taken last', () => {
  const memory = new WayMemory([a, b, c]);
  expect([order(memory), memory.current]).toEqual(['abc', a]);
  memory.took(c);
  expect([order(memory), memory.current]).toEqual(['cab', c]);
});

it('puts those that have failed behind, the oldest failure first, for a minute', () => {
  const memory = new WayMemory([a, b, c]);
  memory.failed(b);
  vi.advanceTimersByTime(10);
  memory.failed(a);
  expect(order(memory)).toBe('cba');
  vi.advanceTimersByTime(FAILURE_MEMORY_MS - 10);
  expect(order(memory)).toBe('cba');
  vi.advanceTimersByTime(1);
  expect(order(memory)).toBe('bca');
  vi.advanceTimersByTime(10);
  expect(order(memory)).toBe('abc');
});

it('forgets the failure of a way that is taken again', () => {
  const memory = new WayMemory([a, b]);
  memory.failed(a);
  expect(order(memory)).toBe('ba');
  memory.took(a);
  expect(order(memory)).toBe('ab');
});

it('takes one that led nowhere for failed, and goes round when all do', () => {
  const memory = new WayMemory([a, b]);
  memory.ledNowhere();
  expect(order(memory)).toBe('ab');
  for (const [next, then] of [
    [a, 'ba'],
    [b, 'ab'],
    [a, 'ba'],
  ] as const) {
    vi.advanceTimersByTime(1);
    memory.took(next);
    memory.ledNowhere();
    expect(order(memory)).toBe(then);
  }
});

it('begins with what is preferred, also when another one was taken last, unless it has failed', () => {
  const memory = new WayMemory([b, c, a], 'quic');
  expect(order(memory)).toBe('abc');
  memory.failed(a);
  memory.took(c);
  expect(order(memory)).toBe('cba');
  vi.advanceTimersByTime(FAILURE_MEMORY_MS + 1);
  expect(order(memory)).toBe('acb');
});
