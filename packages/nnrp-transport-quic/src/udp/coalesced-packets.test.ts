import { describe, expect, it } from 'vitest';
import { firstPacketBytes } from './coalesced-packets.js';

const DCID = 'd'.repeat(16);
const SCID = 'c'.repeat(40);
const IDS = `08${DCID}14${SCID}`;
const HANDSHAKE = `e000000001${IDS}`;
const INITIAL = `c000000001${IDS}`;
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const zeros = (count: number) => '00'.repeat(count);

describe('the first packet of a datagram', () => {
  const cases: [what: string, first: string][] = [
    ['a Handshake packet with a length of one byte', `${HANDSHAKE}05${zeros(5)}`],
    ['a Handshake packet with a length of two bytes', `${HANDSHAKE}4100${zeros(256)}`],
    ['a Handshake packet with a length of four bytes', `${HANDSHAKE}80000003${zeros(3)}`],
    ['a Handshake packet with a length of eight bytes', `${HANDSHAKE}c000000000000003${zeros(3)}`],
    ['a 0-RTT packet', `d000000001${IDS}03${zeros(3)}`],
    ['an Initial packet without a token', `${INITIAL}0003${zeros(3)}`],
    ['an Initial packet with a token', `${INITIAL}4041${zeros(65)}03${zeros(3)}`],
    ['a packet with ids of no bytes', `e0000000010000${'02'}${zeros(2)}`],
    ['a packet of no bytes behind its length', `${HANDSHAKE}00`],
  ];
  for (const [what, first] of cases) {
    it(`ends before the next one: ${what}`, () => {
      expect(firstPacketBytes(bytes(first))).toBe(first.length / 2);
      expect(firstPacketBytes(bytes(`${first}41${zeros(30)}`))).toBe(first.length / 2);
    });
  }

  const wholes: [what: string, hex: string][] = [
    ['a short header', `41${zeros(40)}`],
    ['a Retry', `f000000001${IDS}${zeros(30)}`],
    ['another version', `e000000002${IDS}03${zeros(30)}`],
    ['a Version Negotiation', `8000000000${IDS}${zeros(8)}`],
    ['a length beyond the end', `${HANDSHAKE}09${zeros(8)}`],
    ['a length that ends nowhere near', `${HANDSHAKE}ffffffffffffffff${zeros(8)}`],
    ['a length cut off', `${HANDSHAKE}80`],
    ['no length', HANDSHAKE],
    ['a token beyond the end', `${INITIAL}09${zeros(8)}`],
    ['an id beyond the end', `e00000000108${DCID}ff${zeros(20)}`],
    ['a header cut off', 'e000000001'],
    ['nothing', ''],
  ];
  for (const [what, hex] of wholes) {
    it(`is all of it: ${what}`, () => expect(firstPacketBytes(bytes(hex))).toBe(hex.length / 2));
  }
});
