import { describe, expect, it } from 'vitest';
import { TerminalBytes } from './terminal-bytes.js';

function shown(...pieces: (string | Uint8Array)[]): string {
  const bytes = new TerminalBytes();
  return pieces.map((piece) => bytes.next(Buffer.from(piece as string))).join('') + bytes.end();
}

describe('bytes of a peer on a terminal', () => {
  it('are text in which nothing is obeyed or hidden', () => {
    expect(shown('\u001b]0;owned\u0007\u001b[2Jhi\u202e\u009b1m')).toBe('\\x1b]0;owned\\x07\\x1b[2Jhi\\u202e\\x9b1m');
    expect(shown('10 %\r100 %')).toBe('10 %\\r100 %');
  });

  it('keep their lines, their tabs and their length', () => {
    const text = `a\tb\r\nc\n\n${'long '.repeat(5000)}\n`;
    expect(shown(text)).toBe(text);
  });

  it('may be cut anywhere', () => {
    const text = '春眠不覺曉\r\n👩‍👩‍👧 end\r';
    const bytes = Buffer.from(text);
    const pieces = [...bytes].map((byte) => Uint8Array.of(byte));
    expect(shown(...pieces)).toBe('春眠不覺曉\r\n👩‍👩‍👧 end\\r');
  });

  it('that are no text are shown as such, also at the end', () => {
    expect(shown(Uint8Array.of(0x61, 0xff, 0x62, 0xe6))).toBe('a\ufffdb\ufffd');
  });
});
