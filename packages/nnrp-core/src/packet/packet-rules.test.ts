import { describe, expect, it } from 'vitest';
import type { MessageInfo } from '../bytes/message-info.js';
import { MESSAGES } from '../generated/preview3/message-table.js';
import { PREVIEW3 } from '../revisions/preview3.js';
import { Packet } from './packet.js';
import { writeHeader } from './packet-builder.js';
import { checkHeaderIds, checkPacket } from './packet-rules.js';

/** What must not be zero for all-zero metadata to be valid, as offset and byte. */
const VALID: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  // Versions 1 to 1, wire format, profile, payload kind.
  CLIENT_HELLO: [
    [0, 1],
    [1, 1],
    [2, 1],
    [4, 1],
    [8, 1],
  ],
  SESSION_MIGRATE: [
    [0, 1],
    [4, 1],
  ],
  CACHE_PUT: [[12, 1]],
};

interface Shape {
  readonly metadataBytes?: number;
  readonly bodyBytes?: number;
  readonly sessionId?: number;
  readonly frameId?: number;
  readonly change?: (metadata: DataView) => void;
}

/** A valid packet of the message, changed by `shape`; it does not start at 0, so that a read from there shows. */
function packetOf(info: MessageInfo, shape: Shape = {}): Packet {
  const { metadataBytes = info.metadataBytes, bodyBytes = 0, sessionId = 0, frameId = 0, change } = shape;
  const bytes = new Uint8Array(13 + 40 + metadataBytes + bodyBytes + 9).fill(0xff);
  const view = new DataView(bytes.buffer);
  writeHeader(view, 13, info.code, metadataBytes, bodyBytes, sessionId, frameId);
  bytes.fill(0, 53, 53 + metadataBytes);
  for (const [offset, byte] of VALID[info.name] ?? []) if (offset < metadataBytes) bytes[53 + offset] = byte;
  change?.(new DataView(bytes.buffer, 53, metadataBytes));
  return new Packet(bytes, view, 13, metadataBytes, bodyBytes);
}

const check = (info: MessageInfo, shape?: Shape) => checkPacket(packetOf(info, shape), info, PREVIEW3);
const checkIds = (info: MessageInfo, shape: Shape) => checkHeaderIds(packetOf(info, shape), info);
const byName = (name: string) => MESSAGES.find((message) => message.name === name) as MessageInfo;

describe.each(MESSAGES)('$name ($code)', (info) => {
  it('takes a packet that is in order', () => {
    expect(check(info)).toBeUndefined();
  });

  it('takes a body, or refuses it, as the message says', () => {
    const fault = check(info, { bodyBytes: 5 });
    if (info.headerOnlyRule !== undefined) {
      expect(fault).toEqual({ kind: 'invalid_combination', rule: info.headerOnlyRule });
    } else if (info.body === 'none') {
      expect(fault).toEqual({ kind: 'unexpected_body', message: info.name, actual: 5 });
    } else {
      expect(fault).toBeUndefined();
    }
  });

  it('refuses metadata that is too long', () => {
    const rule = info.headerOnlyRule ?? info.noMetadataRule;
    const actual = info.metadataBytes + 1;
    const expected =
      rule === undefined
        ? { kind: 'metadata_length_mismatch', expected: info.metadataBytes, actual }
        : { kind: 'invalid_combination', rule };
    expect(check(info, { metadataBytes: actual })).toEqual(expected);
  });

  it('refuses metadata that is too short, or absent', () => {
    for (const actual of [info.metadataBytes - 1, 0].filter((length) => length >= 0 && length < info.metadataBytes)) {
      const fault = check(info, { metadataBytes: actual });
      expect(fault).toEqual({ kind: 'source_too_short', expected: info.metadataBytes, actual });
    }
  });

  it('refuses identifiers that the message table does not allow, and takes all others', () => {
    const rows = [
      ['session_id', info.sessionId, (id: number) => ({ sessionId: id, frameId: info.frameId === 'required' ? 9 : 0 })],
      ['frame_id', info.frameId, (id: number) => ({ frameId: id, sessionId: info.sessionId === 'required' ? 9 : 0 })],
    ] as const;
    for (const [field, rule, shape] of rows) {
      for (const actual of [0, 1, 0xffffffff]) {
        const allowed = rule === 'any' || (rule === 'zero') === (actual === 0);
        const expected = rule === 'zero' ? 'zero' : 'non-zero';
        const fault = { kind: 'invalid_header_id', message: info.name, field, expected, actual };
        expect(checkIds(info, shape(actual))).toEqual(allowed ? undefined : fault);
      }
    }
  });
});

describe('the message table', () => {
  // Written down from the specification by hand: the table is generated from another file.
  const CONNECTION = [
    'CLIENT_HELLO',
    'SERVER_HELLO_ACK',
    'TRANSPORT_PROBE',
    'TRANSPORT_PROBE_ACK',
    'PING',
    'PONG',
    'CLOSE',
  ];
  const WORK = ['FRAME_SUBMIT', 'FRAME_CANCEL', 'RESULT_PUSH', 'RESULT_DROP'];
  const ANY_SESSION = ['SESSION_OPEN_ACK', 'FLOW_UPDATE', 'ERROR'];

  it('puts connection messages and SESSION_OPEN at session 0', () => {
    const zero = MESSAGES.filter((message) => message.sessionId === 'zero').map((message) => message.name);
    expect(zero.sort()).toEqual([...CONNECTION, 'SESSION_OPEN'].sort());
  });

  it('requires a session of everything else, but for three messages', () => {
    const any = MESSAGES.filter((message) => message.sessionId === 'any').map((message) => message.name);
    expect(any.sort()).toEqual(ANY_SESSION.sort());
  });

  it('requires a frame of work, and leaves it open for hints and errors', () => {
    const required = MESSAGES.filter((message) => message.frameId === 'required').map((message) => message.name);
    expect(required.sort()).toEqual(WORK.sort());
    const any = MESSAGES.filter((message) => message.frameId === 'any').map((message) => message.name);
    expect(any.sort()).toEqual(['ERROR', 'RESULT_HINT']);
  });

  it('has 25 messages, found by their code and by no other', () => {
    expect(MESSAGES.length).toBe(25);
    const known = new Set(MESSAGES.map((message) => message.code));
    for (let code = 0; code < 256; code++) {
      expect(PREVIEW3.messageInfo(code)?.code).toBe(known.has(code) ? code : undefined);
    }
  });
});

describe('rules over metadata', () => {
  it('report a body that does not belong before what the metadata says', () => {
    const change = (metadata: DataView) => metadata.setUint8(3, 1);
    const fault = check(byName('FLOW_UPDATE'), { bodyBytes: 1, change });
    expect(fault).toEqual({ kind: 'unexpected_body', message: 'FLOW_UPDATE', actual: 1 });
    const metadataOnly = check(byName('FLOW_UPDATE'), { change });
    expect(metadataOnly).toEqual({ kind: 'nonzero_reserved_field', field: 'flow_update.reserved0' });
  });

  it.each([
    ['FLOW-2', { sessionId: 7 }],
    ['FLOW-3', { change: (metadata: DataView) => metadata.setUint8(0, 1) }],
    ['FLOW-4', { sessionId: 7, change: (metadata: DataView) => metadata.setUint8(0, 2) }],
    ['FLOW-5', { change: (metadata: DataView) => metadata.setUint32(20, 1, true) }],
  ])('compares FLOW_UPDATE with its header (%s)', (rule, shape) => {
    expect(check(byName('FLOW_UPDATE'), shape)).toEqual({ kind: 'invalid_combination', rule });
  });

  it.each([
    ['CLIENT_HELLO', 'HELLO-4', (metadata: DataView) => metadata.setUint32(4, 0, true)],
    ['FRAME_SUBMIT', 'FSUB-1', (metadata: DataView) => metadata.setUint16(8, 1, true)],
    ['RESULT_PUSH', 'RPUSH-1', (metadata: DataView) => metadata.setUint16(4, 1, true)],
    ['SESSION_MIGRATE', 'MIG-2', (metadata: DataView) => metadata.setUint32(4, 0, true)],
    ['ERROR', 'ERR-1', (metadata: DataView) => metadata.setUint32(8, 2, true)],
  ])('runs the rules of %s (%s)', (name, rule, change) => {
    expect(check(byName(name), { change })).toEqual({ kind: 'invalid_combination', rule });
  });
});
