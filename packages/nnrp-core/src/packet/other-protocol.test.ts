import { describe, expect, it } from 'vitest';
import { otherProtocol, shownStart } from './other-protocol.js';

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

describe('the first bytes of a peer', () => {
  it.each([
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['TLS', '\x15\x03\x03\x00\x02\x02\x46'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['HTTP', 'OPTIONS * HTTP/1.1\r\n'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/2', '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['PROXY', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'],
    ['PROXY', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c'],
    ['NNRP', 'NNRP\x01\0'],
    [undefined, 'GETTING'],
    [undefined, '\x16\x03'],
    [undefined, '\x16\x04\x01'],
    [undefined, '\x18\x03\x03'],
    [undefined, '\0\0\0\0\0\0\0\0\0\0'],
    [undefined, '220 mail.example ESMTP\r\n'],
    [undefined, ' HTTP/1.1'],
    [undefined, ''],
  ])('are of %s', (protocol, start) => {
    expect(otherProtocol(bytes(start))).toBe(protocol);
  });

  it('are shown as their first line, or in hex', () => {
    expect(shownStart(bytes('HTTP/1.1 400 Bad Request\r\nServer: x'))).toBe('"HTTP/1.1 400 Bad Request"');
    expect(shownStart(bytes('cut here\r'))).toBe('"cut here"');
    expect(shownStart(bytes('\x16\x03\x01'))).toBe('the bytes 16 03 01');
    expect(shownStart(bytes('\x1b[2Jevil'))).toBe('the bytes 1b 5b 32 4a 65 76 69 6c');
    expect(shownStart(bytes('tab\there'))).toBe('the bytes 74 61 62 09 68 65 72 65');
    expect(shownStart(bytes('\u00e9\u00e9'))).toBe('the bytes e9 e9');
    expect(shownStart(new Uint8Array(500))).toBe(`the bytes ${'00 '.repeat(12)}...`);
    expect(shownStart(bytes('x'.repeat(500))).length).toBeLessThanOrEqual(66);
  });
});
