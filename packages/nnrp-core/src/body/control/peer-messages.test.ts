import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import {
  decodePacketLimit,
  decodePeerMessages,
  encodePacketLimit,
  encodePeerMessages,
  PEER_MESSAGES_EXTENSION,
  PEER_MESSAGES_MASK,
  PeerMessages,
} from './peer-messages.js';

describe('announcement of messages', () => {
  it('has a type in the experimental range', () => {
    expect(PEER_MESSAGES_EXTENSION).toBe(0x4e52);
    expect(Object.values(PeerMessages).reduce((mask, bit) => mask | bit, 0)).toBe(PEER_MESSAGES_MASK);
  });

  it('is a bitmap and a word of zero', () => {
    expect(encodePeerMessages()).toEqual(Uint8Array.of(0x7f, 0, 0, 0, 0, 0, 0, 0));
    for (const families of [0, PeerMessages.Cache, 0xffffffff]) {
      expect(decodePeerMessages(encodePeerMessages(families))).toBe(families);
    }
    expect(faultOf(() => encodePeerMessages(-1))).toMatchObject({ kind: 'field_out_of_range' });
  });

  it('is not taken for something else of the same type', () => {
    for (const payload of [[], [15, 0, 0, 0], [15, 0, 0, 0, 0, 0, 0, 1], [15, 0, 0, 0, 0, 0, 0, 0, 0]]) {
      expect(decodePeerMessages(Uint8Array.from(payload))).toBeUndefined();
    }
  });
});

describe('announcement of the packet limit', () => {
  it('is a u32 of at least a header', () => {
    expect(encodePacketLimit(0x1234)).toEqual(Uint8Array.of(0x34, 0x12, 0, 0));
    for (const bytes of [40, 1000, 0xffffffff]) expect(decodePacketLimit(encodePacketLimit(bytes))).toBe(bytes);
    expect(faultOf(() => encodePacketLimit(-1))).toMatchObject({ kind: 'field_out_of_range' });
  });

  it('is not taken for something else of the same type', () => {
    for (const payload of [[], [39, 0, 0, 0], [0, 1, 0, 0, 0], [0, 1]]) {
      expect(decodePacketLimit(Uint8Array.from(payload))).toBeUndefined();
    }
  });
});
