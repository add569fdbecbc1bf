import { expect, it } from 'vitest';
import { Overdue, type OverdueConnection } from './overdue.js';

it('asks a client that is not read ever more seldom whether it is there, and anew after something was read', () => {
  const asked: number[] = [];
  let packetCount = 1;
  let quiets = 0;
  const connection = {
    config: { packetTimeoutMs: 0, pingTimeoutMs: 5 },
    isHalfClosed: false,
    knowsPeerMessages: true,
    isSending: false,
    isPongAwaited: false,
    reading: { isPaused: true },
    get packetCount() {
      return packetCount;
    },
    pingUnwatched: () => asked.push(quiets),
  } as unknown as OverdueConnection;
  const overdue = new Overdue(connection);
  for (quiets = 1; quiets <= 100; quiets++) overdue.quiet();
  expect(asked).toEqual([1, 2, 4, 8, 16, 32, 64]);
  packetCount++;
  for (; quiets <= 104; quiets++) overdue.quiet();
  expect(asked.slice(7)).toEqual([101, 102, 104]);
});
