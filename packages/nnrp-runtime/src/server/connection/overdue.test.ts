import { expect, it } from 'vitest';
import { Overdue, type OverdueConnection } from './overdue.js';

it('asks a client that is not read whether it is there, ever more seldom after long, and anew after something was read', () => {
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
  for (quiets = 1; quiets <= 1100; quiets++) overdue.quiet();
  const regular = Array.from({ length: 256 }, (_, count) => count + 1);
  expect(asked).toEqual([...regular, 512, 1024]);
  packetCount++;
  for (; quiets <= 1104; quiets++) overdue.quiet();
  expect(asked.slice(258)).toEqual([1101, 1102, 1103, 1104]);
});
