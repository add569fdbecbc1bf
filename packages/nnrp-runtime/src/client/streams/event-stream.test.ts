import { expect, it } from 'vitest';
import { EventStreams, WaitingEvents } from './event-stream.js';

const KIB = 1024;

async function read(events: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const event of events) all.push(event);
  return all;
}

it('holds 4 MiB at most, leaves the oldest events out, and counts them', async () => {
  const streams = new EventStreams<number>((event) => event * 4 * KIB);
  const stream = streams.open();
  for (const event of [400, 401, 223, 500, 1]) streams.push(event);
  streams.end();
  expect([stream.dropped, await read(stream)]).toEqual([2, [223, 500, 1]]);
});

it('keeps the newest event however large it is, and has room again once events are read', async () => {
  const streams = new EventStreams<number>((event) => event * 4 * KIB);
  const stream = streams.open();
  for (const event of [5, 5000]) streams.push(event);
  expect(stream.dropped).toBe(1);
  const loop = stream[Symbol.asyncIterator]();
  expect((await loop.next()).value).toBe(5000);
  for (const event of [512, 512]) streams.push(event);
  expect([stream.dropped, (await loop.next()).value, (await loop.next()).value]).toEqual([1, 512, 512]);
});

it('holds 1024 events at most', async () => {
  const streams = new EventStreams<number>(() => 0);
  const stream = streams.open();
  for (let event = 1; event <= 1030; event++) streams.push(event);
  streams.end();
  expect([stream.dropped, (await read(stream))[0]]).toEqual([6, 7]);
});

it('holds 4 MiB or one large event at most in streams that share the bound, and a small newest event of each', async () => {
  const all = new WaitingEvents();
  const reporters = Array.from({ length: 50 }, () => new EventStreams<number>((event) => event * KIB, undefined, all));
  const streams = reporters.map((reporter) => reporter.open());
  for (const reporter of reporters) reporter.push(3000);
  expect(all.bytes).toBe(3000 * KIB);
  for (const reporter of reporters) reporter.push(4);
  expect(all.bytes).toBe((3000 + 4 * 50) * KIB);
  for (const reporter of reporters) reporter.end();
  expect(all.bytes).toBe(0);
  const seen = await Promise.all(streams.map(read));
  expect(seen.map((events) => events.at(-1))).toEqual(streams.map(() => 4));
});

it('leaves out the events that have waited longest, also where another stream gets more', async () => {
  const all = new WaitingEvents();
  const [left, busy] = [0, 1].map(() => new EventStreams<number>((event) => event * KIB, undefined, all));
  const [abandoned, kept] = [left?.open(), busy?.open()];
  for (let count = 0; count < 500; count++) left?.push(8);
  for (let count = 0; count < 500; count++) busy?.push(8);
  expect([abandoned?.dropped, kept?.dropped, all.bytes <= 4096 * KIB]).toEqual([488, 0, true]);
  for (let count = 0; count < 24; count++) busy?.push(8);
  expect([abandoned?.dropped, kept?.dropped, all.bytes]).toEqual([500, 12, 4096 * KIB]);
});

it('keeps the events of a stream that is read too slowly, and leaves out those of one that is not read at all', async () => {
  const all = new WaitingEvents();
  const [slow, left] = [0, 1].map(() => new EventStreams<number>((event) => event * KIB, undefined, all));
  const [read, abandoned] = [slow?.open(), left?.open()];
  const loop = read?.[Symbol.asyncIterator]();
  for (let count = 0; count < 200; count++) slow?.push(8);
  for (let count = 0; count < 500; count++) {
    await loop?.next();
    slow?.push(8);
    left?.push(8);
  }
  expect([read?.dropped, abandoned?.dropped, all.bytes]).toEqual([0, 188, 4096 * KIB]);
});
