import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/fault-of.js';
import { MessageType } from '../generated/preview3/enums.js';
import { MESSAGES } from '../generated/preview3/message-table.js';
import { decodePacket } from './decode-packet.js';
import { buildPacket, type PacketHeader, writeHeader } from './packet-builder.js';

const bytes = (length: number) => new Uint8Array(length);
/** Builds from any number as type: the compiler takes assigned ones only. */
const build = (
  header: Omit<PacketHeader, 'messageType'> & { messageType: number },
  metadata?: Uint8Array,
  body?: Uint8Array,
) => buildPacket(header as PacketHeader, metadata, body);

describe('buildPacket', () => {
  it('gives the body back as it was handed over, not copied', () => {
    const body = bytes(100_000).fill(7);
    const [head, sent] = buildPacket({ messageType: MessageType.TransportProbe }, bytes(16), body);
    expect(sent).toBe(body);
    expect(head.length).toBe(56);
  });

  it('takes the lengths from the parts and every other field from the header', () => {
    const header = {
      messageType: MessageType.FrameSubmit,
      flags: 0x3f,
      sessionId: 0xffffffff,
      frameId: 0x80000001,
      viewId: 0xffff,
      routeId: 0x8001,
      traceId: 0xfedcba9876543210n,
    };
    const metadata = bytes(72);
    metadata[52] = 2;
    const [head, body] = buildPacket(header, metadata, new Uint8Array([1, 2, 3]));
    const packet = decodePacket(new Uint8Array([...head, ...body]));
    const { messageType, flags, sessionId, frameId, viewId, routeId, traceId } = packet;
    expect({ messageType, flags, sessionId, frameId, viewId, routeId, traceId }).toEqual(header);
    expect(packet.metadata).toEqual(metadata);
    expect(packet.body).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('leaves what is not given at 0', () => {
    const [head, body] = buildPacket({ messageType: MessageType.Ping });
    expect(Buffer.from(head).toString('hex')).toBe(`4e4e525001002028${'00'.repeat(32)}`);
    expect(body.length).toBe(0);
  });

  it.each([
    [MessageType.FrameCancel, 'CTRL-1'],
    [MessageType.Ping, 'CTRL-1'],
    [MessageType.Pong, 'CTRL-1'],
    [MessageType.ResultDrop, 'CTRL-3'],
  ])('refuses metadata and body of header-only message %i', (messageType, rule) => {
    const fault = { kind: 'invalid_combination', rule };
    expect(faultOf(() => build({ messageType }, bytes(1)))).toEqual(fault);
    expect(faultOf(() => build({ messageType }, bytes(0), bytes(1)))).toEqual(fault);
  });

  it('refuses metadata of CLOSE, and takes its body', () => {
    const header = { messageType: MessageType.Close };
    expect(faultOf(() => build(header, bytes(1)))).toEqual({ kind: 'invalid_combination', rule: 'CTRL-2' });
    expect(buildPacket(header, bytes(0), bytes(5))[1].length).toBe(5);
  });

  it.each(MESSAGES.filter((message) => message.metadataBytes > 0))(
    'refuses metadata of $name that is a byte short or long',
    (message) => {
      const { code: messageType, metadataBytes: expected } = message;
      expect(faultOf(() => build({ messageType }, bytes(expected - 1)))).toEqual({
        kind: 'source_too_short',
        expected,
        actual: expected - 1,
      });
      expect(faultOf(() => build({ messageType }, bytes(expected + 1)))).toEqual({
        kind: 'metadata_length_mismatch',
        expected,
        actual: expected + 1,
      });
    },
  );

  it.each(MESSAGES.filter((message) => message.body === 'none' && !message.headerOnly))(
    'refuses a body of $name, which has none',
    (message) => {
      const { code: messageType, name } = message;
      expect(faultOf(() => build({ messageType }, bytes(message.metadataBytes), bytes(3)))).toEqual({
        kind: 'unexpected_body',
        message: name,
        actual: 3,
      });
    },
  );

  it('refuses parts that do not fit 32 bits together', () => {
    // A stand-in: four real gigabytes would be refused the same way, later.
    const huge = { length: 0xffffffff } as Uint8Array;
    const fault = faultOf(() => build({ messageType: MessageType.TransportProbe }, bytes(16), huge));
    expect(fault).toEqual({ kind: 'message_length_overflow' });
  });

  it.each([
    [{ messageType: 0x22 }, { kind: 'unknown_message_type', value: 0x22 }],
    [
      { messageType: 0x20, flags: 0x40 },
      { kind: 'reserved_bits_set', value: 0x40, allowed: 0x3f },
    ],
    [
      { messageType: 0x20, headerLen: 41 },
      { kind: 'invalid_header_length', value: 41 },
    ],
    [
      { messageType: 0x20, sessionId: -1 },
      { kind: 'field_out_of_range', field: 'session_id', type: 'u32', value: '-1' },
    ],
    [
      { messageType: 0x20, frameId: 2 ** 32 },
      { kind: 'field_out_of_range', field: 'frame_id', type: 'u32', value: '4294967296' },
    ],
    [
      { messageType: 0x20, viewId: 0x10000 },
      { kind: 'field_out_of_range', field: 'view_id', type: 'u16', value: '65536' },
    ],
    [
      { messageType: 0x20, traceId: -1n },
      { kind: 'field_out_of_range', field: 'trace_id', type: 'u64', value: '-1' },
    ],
  ])('refuses header %o', (header, fault) => {
    expect(faultOf(() => build(header))).toEqual(fault);
  });
});

describe('writeHeader', () => {
  it('writes the same 40 bytes as buildPacket, over whatever was there', () => {
    for (const { code, metadataBytes } of MESSAGES) {
      const target = bytes(60).fill(0xff);
      writeHeader(new DataView(target.buffer), 10, code, metadataBytes, 0, 0xfffffffe, 0x80000000);
      const [head] = build({ messageType: code, sessionId: 0xfffffffe, frameId: 0x80000000 }, bytes(metadataBytes));
      expect(target.subarray(10, 50)).toEqual(head.subarray(0, 40));
      expect([...target.subarray(0, 10), ...target.subarray(50)].every((byte) => byte === 0xff)).toBe(true);
    }
  });
});
