import { expect, it } from 'vitest';
import { fitted, sessionLines } from './status-text.js';

const HOSTILE = 'a\u001b[2J\u009b2J\nb';

it('a table shows text of peers as text', () => {
  const lines = sessionLines({ total: 2, rows: [{ sessionId: 1, remoteAddress: HOSTILE, isSuspended: true }] });
  expect(lines).toHaveLength(3);
  expect(lines.join('')).toMatch(/^[\x20-\x7e]*$/);
  expect(lines[1]).toMatch(/^1 .*\\x1b\[2J.* suspended/);
  expect(lines[2]).toBe('1 of 2 sessions');
});

it('what is no answer of an operators\u2019 port is refused', () => {
  expect(() => sessionLines({} as never)).toThrow("none of an operators' port");
});

it('what stands on a screen is no larger than it', () => {
  const lines = ['a'.repeat(50), 'b', 'c', 'd'];
  expect(fitted(lines, { columns: 20, rows: 4 })).toEqual(['a'.repeat(19), 'b', 'c']);
  // Nothing says how large it is.
  for (const screen of [{}, { columns: 0, rows: 0 }]) expect(fitted(lines, screen)).toEqual(lines);
});

it('credit says when submits are held back, and results when they are paused', () => {
  const row = { sessionId: 1, operationCredit: 3, backpressureLevel: 2, heldResults: 4, resultsPaused: true };
  const [, line] = sessionLines({ total: 1, rows: [row] });
  expect(line).toMatch(/ 3 held back .* 4 paused /);
});
