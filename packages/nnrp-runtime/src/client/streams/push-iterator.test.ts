import { afterEach, beforeEach, expect, it } from 'vitest';
import { PushIterator } from './push-iterator.js';

const unhandled: unknown[] = [];
const heard = (reason: unknown) => unhandled.push(reason);
let others: NodeJS.UnhandledRejectionListener[] = [];

beforeEach(() => {
  unhandled.length = 0;
  others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', heard);
});
afterEach(() => {
  process.removeAllListeners('unhandledRejection');
  for (const other of others) process.on('unhandledRejection', other);
});

/** An iterator whose source has nothing but, at last, a failure. */
function failing() {
  let failure: Error | undefined;
  const iterator = new PushIterator<number>({ take: () => undefined, ending: () => failure, left: () => {} });
  const fail = () => {
    failure = new Error('gone');
    iterator.ended();
  };
  return { iterator, fail };
}

it.each([0, 1, 2])('a failure that nobody awaits is not unhandled, with 3 calls ahead and %i items', async (items) => {
  const { iterator, fail } = failing();
  const steps = [iterator.next(), iterator.next(), iterator.next()];
  for (let item = 0; item < items; item++) iterator.deliver(item);
  fail();
  await new Promise(setImmediate);
  expect(unhandled).toEqual([]);
  const outcomes = await Promise.allSettled(steps);
  expect(outcomes.map(({ status }) => status).indexOf('rejected')).toBe(items);
  expect(outcomes.filter(({ status }) => status === 'rejected').length).toBe(1);
});
