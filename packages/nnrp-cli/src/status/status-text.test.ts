import { expect, it } from 'vitest';
import { sessionLines } from './status-text.js';

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
