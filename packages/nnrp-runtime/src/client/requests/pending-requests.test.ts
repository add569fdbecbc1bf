import { ClosedError } from 'nnrp-core';
import { expect, it } from 'vitest';
import { ReadingHold } from '../../connection/reading-hold.js';
import type { NnrpResult } from '../results/nnrp-result.js';
import { ReadGate } from '../results/read-gate.js';
import { PendingRequests, type SendWindow } from './pending-requests.js';

const MIB = 1024 * 1024;
const owner = {
  crashed: (error: unknown) => {
    throw error;
  },
};

function asked(unread: ReadGate, window: Omit<SendWindow, 'hold'>) {
  let held = 0;
  const hold = (bytes: number) => {
    held += bytes;
  };
  const sent: number[] = [];
  const requests = new PendingRequests<number, string>(
    'CACHE_PUT',
    unread,
    owner,
    { ...window, hold },
    (id) => `key ${id % 10}`,
  );
  const ask = (id: number) => requests.ask(id, 60_000, () => sent.push(id), 100);
  return { requests, ask, sent, held: () => held };
}

function unreadResults() {
  const reading = new ReadingHold({ pause: () => {}, resume: () => {} });
  return new ReadGate(reading, MIB, {
    inFlight: 1,
    readingStopped: () => {},
    holdBack: () => {},
    eachUnread: () => {},
  });
}

it('fails all of a long line when too much comes before the answers, however many wait for their turn', async () => {
  const unread = unreadResults();
  const { ask, sent, held } = asked(unread, { requests: 16, places: 64 });
  const outcomes = Array.from({ length: 16_000 }, (_, id) => ask(id).catch((error) => error.reason));
  expect([sent.length, held()]).toEqual([16, (16_000 - 16) * 100]);
  unread.add({ byteLength: 3 * MIB, chunk: new ArrayBuffer(8) } as unknown as NnrpResult);
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['unread_results']));
  expect([held(), unread.isReadingPaused]).toEqual([0, true]);
});

it('gives an answer to the oldest request that it fits, in whatever order answers come', async () => {
  const unread = unreadResults();
  const { requests, ask, sent, held } = asked(unread, { requests: 4, places: 8 });
  const answers = [11, 22, 31, 43, 55].map(ask);
  expect([requests.first('key 1'), requests.first(), requests.first('key 5')]).toEqual([11, 11, undefined]);
  expect(requests.answered('b', 'key 2')).toBe(true);
  expect([sent, held()]).toEqual([[11, 22, 31, 43, 55], 0]);
  for (const [value, key] of [
    ['first', 'key 1'],
    ['c', 'key 3'],
    ['second', 'key 1'],
    ['d', 'key 5'],
  ] as const) {
    requests.answered(value, key);
  }
  expect(await Promise.all(answers)).toEqual(['first', 'b', 'second', 'c', 'd']);
  expect(requests.answered('none', 'key 1')).toBe(false);
});

it('tells a request at once whose own sending ends the connection, whether it was sent at once or in its turn', async () => {
  const { requests, ask } = asked(unreadResults(), { requests: 1, places: 8 });
  const over = (text: string) => () => requests.end(new ClosedError(text));
  await expect(requests.ask(1, 60_000, over('at once'))).rejects.toThrow('at once');
  const first = ask(2);
  const second = requests.ask(3, 60_000, over('in its turn'));
  requests.answered('here', 'key 2');
  expect(await first).toBe('here');
  await expect(second).rejects.toThrow('in its turn');
  const third = ask(4);
  requests.answered('as before', 'key 4');
  expect(await third).toBe('as before');
  expect(requests.waiting).toBe(0);
});
