import { describe, expect, it } from 'vitest';
import { faultOf } from '../../test/fault-of.js';
import { MessageType } from '../generated/preview3/enums.js';
import { decodePacket } from './decode-packet.js';
import { buildPacket } from './packet-builder.js';

const ping = buildPacket({ messageType: MessageType.Ping })[0];

describe('decodePacket', () => {
  it('reads bytes in place, also in the middle of a buffer', () => {
    const buffer = new Uint8Array(100).fill(0xff);
    const bytes = buffer.subarray(11, 11 + 40 + 3);
    bytes.set(buildPacket({ messageType: MessageType.Close, traceId: 5n }, undefined, new Uint8Array(3))[0]);
    bytes.set([1, 2, 3], 40);
    const packet = decodePacket(bytes);
    expect(packet.body).toEqual(new Uint8Array([1, 2, 3]));
    expect(packet.body.buffer).toBe(buffer.buffer);
    expect(packet.traceId).toBe(5n);
  });

  it('refuses fewer and more bytes than the header declares', () => {
    expect(faultOf(() => decodePacket(ping.subarray(0, 39)))).toEqual({
      kind: 'source_too_short',
      expected: 40,
      actual: 39,
    });
    expect(faultOf(() => decodePacket(new Uint8Array(0)))).toMatchObject({ kind: 'source_too_short', actual: 0 });
    expect(faultOf(() => decodePacket(new Uint8Array([...ping, 0])))).toEqual({
      kind: 'packet_length_mismatch',
      declared: 40,
      actual: 41,
    });
  });

  it('refuses lengths that overflow before it compares them', () => {
    const bytes = ping.slice();
    new DataView(bytes.buffer).setUint32(12, 0xffffffff, true);
    new DataView(bytes.buffer).setUint32(16, 1, true);
    expect(faultOf(() => decodePacket(bytes))).toEqual({ kind: 'message_length_overflow' });
  });

  it('names the message in the error', () => {
    const bytes = new Uint8Array(40 + 48);
    bytes.set(buildPacket({ messageType: MessageType.SessionOpen }, new Uint8Array(48))[0]);
    bytes[40 + 6] = 3;
    expect(() => decodePacket(bytes)).toThrow(/SESSION_OPEN: session_priority_class has no value 3/);
  });
});
