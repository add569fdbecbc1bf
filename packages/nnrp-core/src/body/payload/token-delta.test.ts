import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import { encodeSchemaDescriptorHeader } from '../../generated/preview3/schema-descriptor-header.js';
import { decodeBody, encodeBody } from '../region/body-regions.js';
import {
  decodeTokenDeltaBody,
  encodeTokenDeltaBody,
  TOKEN_DELTA_COUNTS,
  TOKEN_DELTA_SCHEMA,
  TOKEN_DELTA_SCHEMA_HASH,
} from './token-delta.js';

const token = { profileId: 2, descriptorFlags: 2, schemaId: 4097, schemaVersion: 3, streamSemantics: 2 };
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

describe('token-delta schema', () => {
  it('encodes to the bytes of the specification', () => {
    const bytes = new Uint8Array(32);
    encodeSchemaDescriptorHeader(TOKEN_DELTA_SCHEMA, new DataView(bytes.buffer));
    expect(hex(bytes)).toBe('011000000300000002000000010100000000000000000200336b6f7470726e6e');
    expect(TOKEN_DELTA_SCHEMA_HASH).toBe(7957423418925607731n);
    expect(Object.isFrozen(TOKEN_DELTA_SCHEMA)).toBe(true);
  });
});

describe('token-delta body', () => {
  it.each([
    [false, 2],
    [true, 1],
  ])('is what the region codec builds (terminal %s)', (terminal, descriptorFlags) => {
    for (const length of [0, 1, 255, 256, 65536, 0x01020304]) {
      const payload = new Uint8Array(length).fill(0x61);
      const expected = encodeBody(
        { typedPayloads: [{ descriptor: { ...token, descriptorFlags }, payload }] },
        TOKEN_DELTA_COUNTS,
      );
      const body = encodeTokenDeltaBody(payload, terminal);
      expect(body).toHaveLength(expected.length);
      expect(hex(body.subarray(0, 60))).toBe(hex(expected.subarray(0, 60)));
      expect(body.at(-1)).toBe(expected.at(-1));
      const delta = decodeTokenDeltaBody(body);
      expect(delta.terminal).toBe(terminal);
      expect(delta.payload.length).toBe(length);
      expect(delta.payload.buffer).toBe(body.buffer);
    }
  });

  it('does not let one body change the next', () => {
    const first = encodeTokenDeltaBody(Uint8Array.of(1, 2, 3), true);
    first.fill(0xff);
    expect(decodeBody(encodeTokenDeltaBody(new Uint8Array(0), false), TOKEN_DELTA_COUNTS).typedPayloads).toHaveLength(
      1,
    );
  });

  it('finds the frame behind other regions', () => {
    const body = encodeBody(
      {
        inlineObjects: [{ header: { objectKind: 7, profileId: 0 }, payload: Uint8Array.of(9) }],
        objectReferences: [{ objectKind: 7, cacheNamespace: 0, cacheKeyHi: 0, cacheKeyLo: 0 }],
        typedPayloads: [{ descriptor: { ...token, descriptorFlags: 1 }, payload: Uint8Array.of(1, 2) }],
        extensions: [{ descriptor: { extensionKind: 1, extensionFlags: 0, profileId: 0 }, payload: Uint8Array.of(8) }],
      },
      TOKEN_DELTA_COUNTS,
    );
    const delta = decodeTokenDeltaBody(body);
    expect([...delta.payload]).toEqual([1, 2]);
    expect(delta.terminal).toBe(true);
  });

  it('takes the default semantics, and terminal over partial', () => {
    const descriptor = { ...token, streamSemantics: 0, descriptorFlags: 3 };
    const body = encodeBody({ typedPayloads: [{ descriptor, payload: new Uint8Array(1) }] }, TOKEN_DELTA_COUNTS);
    expect(decodeTokenDeltaBody(body).terminal).toBe(true);
  });

  it.each([{ schemaId: 4098 }, { schemaVersion: 2 }, { streamSemantics: 3 }])(
    'refuses a frame with %o (TOKEN-1)',
    (over) => {
      const typedPayloads = [{ descriptor: { ...token, ...over }, payload: new Uint8Array(1) }];
      const body = encodeBody({ typedPayloads }, TOKEN_DELTA_COUNTS);
      expect(faultOf(() => decodeTokenDeltaBody(body))).toEqual({ kind: 'invalid_combination', rule: 'TOKEN-1' });
    },
  );

  it('refuses what is no region body with one token frame', () => {
    const prompt = new TextEncoder().encode('prompt');
    expect(faultOf(() => decodeTokenDeltaBody(prompt))).toEqual({ kind: 'source_too_short', expected: 32, actual: 6 });
    const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
    expect(faultOf(() => decodeTokenDeltaBody(new Uint8Array(32)))).toEqual(rule('TPR-1'));
    const body = encodeTokenDeltaBody(Uint8Array.of(1), false);
    expect(faultOf(() => decodeTokenDeltaBody(body.subarray(0, -1)))).toEqual(rule('BODY-1'));
    body[32] = 3;
    expect(faultOf(() => decodeTokenDeltaBody(body))).toEqual(rule('TPR-4'));
  });

  it('refuses a payload that leaves no room for the head', () => {
    // Only the length is looked at before the refusal, so no memory is needed to ask.
    const payload: Uint8Array = Object.defineProperty(new Uint8Array(0), 'length', { value: 0xffffffff - 55 });
    expect(faultOf(() => encodeTokenDeltaBody(payload, true))).toEqual({ kind: 'message_length_overflow' });
  });
});
