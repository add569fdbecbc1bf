import { expect, it } from 'vitest';
import { Overdue, type OverdueConnection } from './overdue.js';
import { Silence } from './silence.js';

/** What a connection of this kind does about a silence. */
function signs(facts: Partial<OverdueConnection>): string[] {
  const seen: string[] = [];
  const connection = {
    config: { packetTimeoutMs: 1000, pingTimeoutMs: 1000 },
    knowsPeerMessages: true,
    isHalfClosed: false,
    isSending: false,
    awaitedPongs: 0,
    unfinishedBytes: 0,
    reading: { isPaused: false },
    ping: () => Promise.resolve(seen.push('ping')),
    fence: () => seen.push('fence'),
    ...facts,
  };
  new Overdue(connection as unknown as OverdueConnection).quiet();
  return seen;
}

const PAUSED = { reading: { isPaused: true } };

it.each<[string, Partial<OverdueConnection>, string[]]>([
  ['that is read: one whose answer is waited for', {}, ['ping']],
  ['that has one to answer: no other', { awaitedPongs: 1 }, []],
  ['of which a packet arrives: none', { unfinishedBytes: 10 }, []],
  ['that is not read: one that nothing waits for', { ...PAUSED, unfinishedBytes: 10 }, ['fence']],
  ['that is not read: one more', { ...PAUSED, awaitedPongs: 63 }, ['fence']],
  ['that is not read: no more than 64', { ...PAUSED, awaitedPongs: 64 }, []],
  ['that is not read, and takes nothing: none', { ...PAUSED, isSending: true }, []],
  ['that is not read, and knows no PING: none', { ...PAUSED, knowsPeerMessages: false }, []],
])('a silent connection gets a sign of life, %s', (_, facts, expected) => {
  expect(signs(facts)).toEqual(expected);
});

it('a connection that is not read is quiet, but neither idle nor slow', () => {
  const silence = new Silence({ packetTimeoutMs: 10, idleTimeoutMs: 10, keepAliveMs: 100 });
  const at = (nowMs: number, paused: boolean) => silence.observe(nowMs, 1, 1, paused, false);
  expect(at(0, false)).toBe('fine');
  expect([50, 100, 150, 200].map((nowMs) => at(nowMs, true))).toEqual(['fine', 'quiet', 'fine', 'quiet']);
  expect(at(211, false)).toBe('unfinished');
});
