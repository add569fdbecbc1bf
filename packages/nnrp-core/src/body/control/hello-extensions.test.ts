import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import {
  checkHelloExtension,
  decodeHelloExtension,
  encodeHelloExtension,
  type HelloExtension,
} from './hello-extensions.js';

const CASES: readonly [extension: HelloExtension, type: number, payload: string][] = [
  [{ kind: 'transport_policy', policy: 3, preferredTransportId: 1 }, 0x0101, '0300000001000000'],
  [
    { kind: 'transport_policy_ack', policy: 3, acceptedPolicy: 0xff, activeTransportId: 0xfffffffe },
    0x0102,
    '03ff0000feffffff',
  ],
  [{ kind: 'loss_tolerance', level: 2 }, 0x0103, '0200000000000000'],
  [{ kind: 'loss_tolerance_ack', acceptedLevel: 255 }, 0x0104, 'ff00000000000000'],
  [
    { kind: 'payload_capabilities', payloadKindBitmap: 0x7f, criticalExtensionBitmap: 0x80000000 },
    0x0105,
    '7f00000000000080',
  ],
  [
    { kind: 'payload_capabilities_ack', acceptedPayloadKindBitmap: 0xffffffff, acceptedCriticalBitmap: 1 },
    0x0106,
    'ffffffff01000000',
  ],
];
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

describe('standard hello extensions', () => {
  it('are written and read field by field', () => {
    for (const [extension, type, hex] of CASES) {
      for (const critical of [false, true]) {
        const entry = { type, critical, payload: bytesOf(hex) };
        expect(encodeHelloExtension(extension, critical)).toEqual(entry);
        expect(decodeHelloExtension(entry)).toEqual(extension);
      }
    }
  });

  it('are refused when their payload has not 8 bytes', () => {
    for (const [, type] of CASES) {
      for (const length of [0, 7, 9, 16]) {
        const entry = { type, critical: false, payload: new Uint8Array(length) };
        const fault = { kind: 'invalid_combination', rule: 'HELLOEXT-1' };
        expect(checkHelloExtension(entry)).toEqual(fault);
        expect(faultOf(() => decodeHelloExtension(entry))).toEqual(fault);
      }
    }
  });

  it('are refused when reserved bytes are not zero', () => {
    const reserved: Record<number, number[]> = { 257: [1, 2, 3], 258: [2, 3], 261: [], 262: [] };
    for (const [extension, type, hex] of CASES) {
      for (let at = 0; at < 8; at++) {
        const payload = bytesOf(hex);
        payload[at] = (payload[at] ?? 0) ^ 1;
        const isReserved = (reserved[type] ?? [1, 2, 3, 4, 5, 6, 7]).includes(at);
        const field = `${extension.kind}.reserved`;
        expect(checkHelloExtension({ type, critical: false, payload })).toEqual(
          isReserved ? { kind: 'nonzero_reserved_field', field } : undefined,
        );
      }
    }
  });

  it('leave other types alone', () => {
    for (const type of [0, 0x0100, 0x0107, 0xffff]) {
      const entry = { type, critical: true, payload: new Uint8Array(3) };
      expect([checkHelloExtension(entry), decodeHelloExtension(entry)]).toEqual([undefined, undefined]);
    }
  });

  it('are not written with values that do not fit', () => {
    expect(faultOf(() => encodeHelloExtension({ kind: 'loss_tolerance', level: 256 }))).toMatchObject({
      kind: 'field_out_of_range',
      field: 'level',
    });
    for (const preferredTransportId of [-1, 2 ** 32, 0.5]) {
      const wish: HelloExtension = { kind: 'transport_policy', policy: 0, preferredTransportId };
      expect(faultOf(() => encodeHelloExtension(wish))).toMatchObject({
        kind: 'field_out_of_range',
        field: 'preferred_transport_id',
        type: 'u32',
      });
    }
  });
});
