import { expect, it } from 'vitest';
import { Silence } from './silence.js';

it('a connection that is not read is neither idle nor slow, whose times begin anew when it is, and quiet', () => {
  const silence = new Silence({ packetTimeoutMs: 10, idleTimeoutMs: 30, keepAliveMs: 20 });
  const at = (nowMs: number, paused: boolean, unfinishedBytes: number) =>
    silence.observe(nowMs, 1, unfinishedBytes, paused, false);
  expect(at(0, false, 1)).toBe('fine');
  expect([50, 100, 150].map((nowMs) => at(nowMs, true, 1))).toEqual(['quiet', 'quiet', 'quiet']);
  expect(at(159, false, 1)).toBe('fine');
  expect(at(161, false, 1)).toBe('unfinished');
  expect(at(175, false, 0)).toBe('quiet');
  expect(at(181, false, 0)).toBe('silentTooLong');
});
