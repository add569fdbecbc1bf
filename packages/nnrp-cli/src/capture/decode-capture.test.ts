import { describe, expect, it } from 'vitest';
import { closeFrame, frame, message } from '../../../nnrp-transport-websocket/test/bare-stream.js';
import { packet } from '../../../nnrp-transport-websocket/test/packets.js';
import { decodeCapture, isCapture } from './decode-capture.js';

const FIN = 0x80;
const PING = Buffer.from('4e4e5250010020280000000000000000000000000000000000000000000000000000000000000000', 'hex');
const REQUEST = [
  'GET /nnrp?token=secret HTTP/1.1',
  'Host: 127.0.0.1:8080',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Protocol: nnrp.1',
  'Cookie: secret',
  '',
  '',
].join('\r\n');
const ANSWER = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';

describe('a capture of WebSocket', () => {
  it('names a frame and decodes the packet in it', () => {
    expect(decoded(message(PING, false))).toEqual([
      {
        frame: { at: 0, fin: true, opcode: 2, opcode_name: 'binary', masked: false, length: 40 },
        packet: expect.objectContaining({ header: expect.objectContaining({ message_type: 32 }), body_hex: '' }),
      },
    ]);
  });

  it('reads a header of many blanks as fast as any other', () => {
    const line = `x:${' '.repeat(3000)}\x01`;
    const [first] = decoded(Buffer.from(REQUEST.replace('Cookie: secret', `${line}\r\nHost:${' '.repeat(60_000)}`)));
    expect(first).toMatchObject({ http: { other_headers: [`${line.length} bytes that are no header`] } });
  });

  it('takes off the mask of a client', () => {
    const [first] = decoded(message(PING));
    expect(first).toMatchObject({
      frame: { masked: true, mask: '12345678', length: 40 },
      packet: { header: { message_type: 32 } },
    });
  });

  it('puts fragments together, each direction for itself, with control frames between them', () => {
    const capture = Buffer.concat([
      frame(2, PING.subarray(0, 7), true),
      frame(2, PING.subarray(0, 20), false),
      frame(FIN | 9, Buffer.from('hi'), true),
      frame(0, PING.subarray(7, 39), true),
      frame(FIN, PING.subarray(20), false),
      frame(FIN, PING.subarray(39), true),
    ]);
    const items = decoded(capture);
    expect(items.map(({ frame: { opcode_name, fin } }) => [opcode_name, fin])).toEqual([
      ['binary', false],
      ['binary', false],
      ['ping', true],
      ['continuation', false],
      ['continuation', true],
      ['continuation', true],
    ]);
    expect(items.map((item) => 'packet' in item)).toEqual([false, false, false, false, true, true]);
    expect(items[2]).toMatchObject({ payload_hex: '6869' });
    expect(items[5]).toMatchObject({ message: { at: 0, frames: 3, length: 40 } });
    expect(items[4]).toMatchObject({ message: { at: 13, frames: 2, length: 40 } });
  });

  it.each([
    [126, 4],
    [65_536, 10],
  ])('reads a length of %d', (length, header) => {
    const bytes = packet(Buffer.alloc(length - packet(Buffer.alloc(0)).length));
    const [first, second] = decoded(Buffer.concat([message(bytes, false), message(PING, false)]));
    expect(first).toMatchObject({ frame: { length } });
    expect(second).toMatchObject({ frame: { at: length + header } });
  });

  it.each([
    ['lines that end in another way', 'GET / HTTP/1.1\nCookie: SECRET\nUpgrade: websocket\r\n\r\n'],
    ['a line that goes on', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nX-Fold: a\r\n SECRET\r\n\r\n'],
    ['a line inside a value', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nHost: a\nAuthorization: SECRET\r\n\r\n'],
    ['a sub-protocol', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: nnrp.1, SECRET\r\n\r\n'],
    ['a user', 'GET http://me:SECRET@h/ HTTP/1.1\r\nUpgrade: websocket\r\nOrigin: http://SECRET@h/\r\n\r\n'],
    ['what stands behind a space', 'GET /?a=b SECRET HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'],
    ['a password with a slash', 'GET http://user:a/SECRET@h/ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'],
    ['a password with a question', 'GET http://user:SECRET?b@h/ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'],
    ['a fragment', 'GET /#access_token=SECRET HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'],
    ['the host', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nHost: user:SECRET@h\r\nOrigin: http://h/?SECRET\r\n\r\n'],
    ['an answer', 'HTTP/1.1 101 SECRET=1\r\nUpgrade: websocket\r\n\r\n'],
  ])('shows no secret in %s', (_, header) => {
    const items = decoded(Buffer.concat([Buffer.from(header, 'latin1'), message(PING)]));
    expect(JSON.stringify(items)).not.toContain('SECRET');
    expect(JSON.stringify(items)).toContain('"bytes"');
  });

  it('names what is repeated once, with all its values', () => {
    const header = 'GET / HTTP/1.1\r\nUpgrade: websocket\r\nHost: [::1]:8080\r\nOrigin: https://app.example:444\r\n';
    const protocols = 'Sec-WebSocket-Protocol: nnrp.1\r\nSec-WebSocket-Protocol: bearer, other\r\n\r\n';
    expect(decoded(Buffer.from(header + protocols))[0]).toMatchObject({
      http: {
        headers: {
          host: '[::1]:8080',
          origin: 'https://app.example:444',
          'sec-websocket-protocol': 'nnrp.1, (2 more)',
        },
      },
    });
  });

  it('says code and reason of a close frame', () => {
    expect(decoded(closeFrame(1007, 'no packet: 日本'))[0]).toMatchObject({
      frame: { opcode: 8, opcode_name: 'close' },
      close: { code: 1007, code_name: 'invalid_payload', reason: 'no packet: 日本' },
    });
    expect(decoded(closeFrame(4000, '', false))[0]).toMatchObject({ close: { code: 4000, code_name: 'private_use' } });
    expect(decoded(frame(FIN | 8, Buffer.alloc(0), true))[0]).toMatchObject({ close: {} });
  });

  it('names the headers of an upgrade, without what may be secret, and reads on', () => {
    const items = decoded(Buffer.concat([Buffer.from(REQUEST), Buffer.from(ANSWER), message(PING, false)]));
    expect(items).toMatchObject([
      {
        http: {
          at: 0,
          bytes: REQUEST.length,
          start: 'GET /nnrp?... HTTP/1.1',
          headers: { host: '127.0.0.1:8080', upgrade: 'websocket', 'sec-websocket-protocol': 'nnrp.1' },
          other_headers: ['Cookie'],
        },
      },
      { http: { at: REQUEST.length, start: 'HTTP/1.1 101 Switching Protocols' } },
      { frame: { at: REQUEST.length + ANSWER.length }, packet: {} },
    ]);
    expect(JSON.stringify(items)).not.toContain('secret');
  });

  it.each<[string, Buffer, object]>([
    ['half a header', Buffer.from('827e', 'hex'), { at: 0, expected: '4 bytes of a frame header', actual: '2 bytes' }],
    ['a header of one byte', Buffer.from('82', 'hex'), { expected: '2 bytes of a frame header', actual: '1 byte' }],
    [
      'half a payload',
      message(PING, false).subarray(0, 12),
      { at: 2, expected: '40 bytes of payload', actual: '10 bytes' },
    ],
    [
      'a compressed message',
      frame(0xc2, PING, false),
      { at: 0, expected: /no reserved bit/, actual: /0xc2.*compressed/ },
    ],
    ['a reserved opcode', frame(FIN | 3, PING, false), { at: 0, expected: /^opcode/, actual: 'opcode 3' }],
    ['a ping in fragments', frame(9, Buffer.alloc(0), false), { at: 0, expected: /^FIN/, actual: 'none' }],
    ['a long ping', frame(FIN | 9, Buffer.alloc(126), false), { at: 1, expected: /at most 125/, actual: '126 bytes' }],
    ['a long form', Buffer.from('827e0001ff', 'hex'), { at: 1, expected: /shortest form/, actual: '2 bytes for 1' }],
    [
      'a length of 2^63',
      Buffer.from('827f8000000000000000', 'hex'),
      { at: 2, expected: /below 2\^63/, actual: /highest/ },
    ],
  ])('tells %s, and reads no further', (_, capture, error) => {
    const before = message(PING, false);
    const items = decoded(Buffer.concat([before, capture]));
    expect(items).toHaveLength(2);
    const at = 'at' in error ? { at: before.length + (error.at as number) } : {};
    expect(items[1].error).toEqual({ kind: 'bad_frame', at: expect.any(Number), ...matching(error), ...at });
  });

  it.each<[string, Buffer, object]>([
    ['a text', frame(FIN | 1, Buffer.from('hello'), true), { text: 'hello', error: { kind: 'bad_message' } }],
    ['a continuation of nothing', frame(FIN, PING, true), { error: { actual: 'a continuation without a message' } }],
    ['no packet', message(Buffer.from('hi')), { payload_hex: '6869', error: { kind: 'source_too_short', actual: 2 } }],
    ['two packets', message(Buffer.concat([PING, PING])), { error: { kind: 'packet_length_mismatch' } }],
    ['a code that is none', closeFrame(1005), { close: { code: 1005 }, error: { kind: 'bad_frame', actual: '1005' } }],
    ['half a code', frame(FIN | 8, Buffer.of(3), true), { close: {}, error: { actual: '1 byte' } }],
    ['bad UTF-8', frame(FIN | 8, Buffer.of(3, 232, 255), true), { close: { reason_hex: 'ff' }, error: { at: 8 } }],
  ])('tells %s in a message, and reads on', (_, capture, expected) => {
    const items = decoded(Buffer.concat([capture, message(PING)]));
    expect(items[0]).toMatchObject(expected);
    expect(items[1]).toMatchObject({ frame: { at: capture.length }, packet: {} });
  });

  it('tells a message inside another one, and one without an end', () => {
    const begun = frame(2, PING.subarray(0, 9), true);
    const items = decoded(Buffer.concat([begun, message(PING), begun]));
    expect(items[1]).toMatchObject({ error: { expected: 'a continuation of the message at byte 0' } });
    expect(items[3]).toMatchObject({ error: { kind: 'bad_message', actual: 'the end of the capture' } });
  });

  it.each([
    [
      'has no end',
      REQUEST.slice(0, -2),
      { kind: 'bad_http', at: REQUEST.length + 44, actual: 'the end of the capture' },
    ],
    ['has no end for long', REQUEST.slice(0, -2) + 'a: b\r\n'.repeat(20_000), { actual: '65536 bytes without one' }],
    ['is a refusal', ANSWER.replace('101', '403'), { kind: 'bad_http', actual: '"HTTP/1.1 403 Switching Protocols"' }],
    ['upgrades to something else', ANSWER.replace('websocket', 'h2c'), { actual: '"h2c"' }],
  ])('tells a header that %s, and reads no further', (_, text, error) => {
    const items = decoded(Buffer.concat([Buffer.from(text), message(PING)]));
    expect(items).toMatchObject([{ error }]);
  });

  it('is told from packets and other protocols by its first bytes', () => {
    const captures = [message(PING), frame(2, PING.subarray(0, 2), true), closeFrame(1000), Buffer.from(ANSWER)];
    expect(captures.map(isCapture)).toEqual(captures.map(() => true));
    const others = ['', '82', '4e4e5250', '474554202f20', '16030100c8010000', '02000000010000000000000000000000'];
    expect(others.map((hex) => isCapture(Buffer.from(hex, 'hex')))).toEqual(others.map(() => false));
  });

  it('is decoded whatever its bytes are', () => {
    const roll = dice(20261128);
    const whole = [message(PING), message(PING, false), frame(2, PING.subarray(0, 9), true), closeFrame(1000, 'bye')];
    let faults = 0;
    for (let round = 0; round < 20_000; round++) {
      const start = roll(8) === 0 ? Buffer.from(roll(2) === 0 ? REQUEST : ANSWER) : Buffer.alloc(0);
      const random = Buffer.from(Array.from({ length: roll(40) }, () => roll(256)));
      const capture = Buffer.concat([start, ...whole.slice(roll(4)), random]);
      for (let flips = roll(3); flips > 0; flips--) capture[roll(capture.length)] = roll(256);
      let last = -1;
      let items = 0;
      for (const { json, problem } of decodeCapture(capture, true)) {
        if (problem !== undefined) faults++;
        const { at = Number.POSITIVE_INFINITY } = (json['frame'] ?? json['http'] ?? {}) as { at?: number };
        expect(at).toBeGreaterThan(last);
        last = Number.isFinite(at) ? at : last;
        items++;
        expect(JSON.stringify(json)).toContain('{');
      }
      expect(items).toBeLessThanOrEqual(capture.length + 3);
    }
    expect(faults).toBeGreaterThan(1000);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: what is printed is JSON, and the tests look at parts of it
function decoded(capture: Uint8Array): any[] {
  return [...decodeCapture(capture, false)].map(({ json, problem }) => {
    expect(problem !== undefined).toBe('error' in json);
    return JSON.parse(JSON.stringify(json));
  });
}

/** Texts as they are, and what matches patterns. */
function matching(error: object): object {
  return Object.fromEntries(
    Object.entries(error).map(([name, value]) => [
      name,
      value instanceof RegExp ? expect.stringMatching(value) : value,
    ]),
  );
}

/** Numbers that look like chance, and come again with the same seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * sides);
  };
}
