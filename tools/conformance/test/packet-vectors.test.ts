import * as preview3 from 'nnrp-core/preview3';
import { STRUCTS as PREVIEW3_STRUCTS } from 'nnrp-core/preview3/struct-table';
import * as preview4 from 'nnrp-core/preview4';
import { STRUCTS as PREVIEW4_STRUCTS } from 'nnrp-core/preview4/struct-table';
import { describe, expect, it } from 'vitest';
import { bytesOf, hexOf, type JsonFields, objectOf, readGoldenVectors, structNamed } from '../src/golden-vectors.js';
import { faultOf } from './support/vector-suite.js';

interface JsonPacket {
  readonly header: JsonFields;
  /** Absent or null when the message has no metadata. */
  readonly metadata?: JsonFields | null;
  readonly body_hex: string;
}

const REVISIONS = [
  { revision: 'preview3', api: preview3, STRUCTS: PREVIEW3_STRUCTS },
  { revision: 'preview4', api: preview4, STRUCTS: PREVIEW4_STRUCTS },
] as const;

describe.each(REVISIONS)('packets of $revision', ({ revision, api, STRUCTS }) => {
  const decodePacket = (bytes: Uint8Array) => api.decodePacket(bytes);
  const { MESSAGES } = api;
  const vectors = readGoldenVectors(revision);
  const accepted = vectors.positive.filter((vector) => vector.kind === 'packet');
  const refused = vectors.negative.filter((vector) => vector.kind === 'packet');
  /** Names of the vectors whose test body ran to its end. */
  const executed = new Set<string>();

  describe.each(accepted)('accepts $name', (vector) => {
    it('reads header, metadata and body in place', () => {
      const bytes = bytesOf(vector.hex);
      const expected = vector.fields as JsonPacket;
      const packet = decodePacket(bytes);
      const message = MESSAGES.find((info) => info.name === vector.message_type);
      if (message === undefined) throw new Error(`no message ${vector.message_type}`);

      expect(packet.messageType).toBe(message.code);
      const { metaLen, bodyLen, ...ids } = objectOf(structNamed(STRUCTS, 'HEADER'), expected.header);
      expect(packet).toMatchObject(ids);
      expect([packet.metadataLength, packet.bodyLength]).toEqual([metaLen, bodyLen]);
      expect(hexOf(packet.body)).toBe(expected.body_hex);
      expect(packet.metadata.length).toBe(metaLen);
      expect(packet.body.buffer).toBe(bytes.buffer);

      const { metadata: structName } = message;
      if (structName === undefined) {
        expect(Object.keys(expected.metadata ?? {})).toEqual([]);
      } else {
        const struct = structNamed(STRUCTS, structName);
        const decoded = struct.decode(packet.view, packet.metadataStart);
        expect(decoded).toStrictEqual(objectOf(struct, expected.metadata ?? {}));
      }
      executed.add(vector.name);
    });
  });

  describe.each(refused)('refuses $name', (vector) => {
    it('reports the fault', () => {
      expect(faultOf(() => decodePacket(bytesOf(vector.hex)))).toStrictEqual(vector.expect_error);
      executed.add(vector.name);
    });
  });

  describe('the packet vectors', () => {
    it('are all run', () => {
      expect(accepted.length).toBeGreaterThan(0);
      expect(refused.length).toBeGreaterThan(0);
      expect([...executed].sort()).toEqual([...accepted, ...refused].map((vector) => vector.name).sort());
    });
  });
});
