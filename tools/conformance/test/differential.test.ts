import { fileURLToPath } from 'node:url';
import * as preview3 from 'nnrp-core/preview3';
import { STRUCTS as PREVIEW3_STRUCTS } from 'nnrp-core/preview3/struct-table';
import * as preview4 from 'nnrp-core/preview4';
import { STRUCTS as PREVIEW4_STRUCTS } from 'nnrp-core/preview4/struct-table';
import { beforeAll, describe, expect, it } from 'vitest';
import { compareConstants } from '../src/differential/codec-evaluator.js';
import type { CodecUnderTest } from '../src/differential/codec-under-test.js';
import { loadOracle, type OracleParser } from '../src/differential/kaitai-oracle.js';
import { runPacketDifferential } from '../src/differential/packet-differential.js';
import { seedOf } from '../src/differential/random.js';
import { readSchemas } from '../src/differential/schema.js';
import { runDifferential } from '../src/differential/struct-differential.js';

/*
 * The generated codecs against the parser that the Kaitai compiler makes from the same schemas. A failure names the
 * structure's seed and the input; set NNRP_SEED to another number for other inputs.
 */

const SEED = Number(process.env['NNRP_SEED'] ?? 20_260_101);
const INPUTS = 40_000;

interface Revision {
  readonly name: string;
  readonly api: Readonly<Record<string, unknown>> & Pick<typeof preview3, 'MESSAGES' | 'decodePacket'>;
  readonly structs: typeof PREVIEW3_STRUCTS;
  /** Structures whose codec is that of an earlier revision, and is compared there. */
  readonly shared: readonly string[];
}

const isShared = (name: string) => PREVIEW4_STRUCTS[name]?.check === PREVIEW3_STRUCTS[name]?.check;

const REVISIONS: readonly Revision[] = [
  { name: 'preview3', api: preview3, structs: PREVIEW3_STRUCTS, shared: [] },
  {
    name: 'preview4',
    api: preview4,
    structs: PREVIEW4_STRUCTS,
    shared: Object.keys(PREVIEW4_STRUCTS).filter(isShared),
  },
];

describe.each(REVISIONS)('$name', ({ name: revision, api, structs: STRUCTS, shared }) => {
  const folder = readSchemas(fileURLToPath(new URL(`../../../spec/${revision}`, import.meta.url)));
  const { yaml, structs } = folder;
  const own = structs.filter(({ wireName }) => !shared.includes(wireName));
  let oracles: Map<string, OracleParser>;

  /** Something that the revision exports, by name. */
  const exported = (name: string): unknown => api[name];

  beforeAll(async () => {
    oracles = await loadOracle(yaml);
  });

  describe('generated codecs agree with the Kaitai compiler', () => {
    it('covers every structure of the table', () => {
      expect(structs.map(({ wireName }) => wireName).sort()).toEqual(Object.keys(STRUCTS).sort());
      const others = ['nnrp_enums', 'nnrp_packet'];
      const ids = [...yaml.keys()].filter((id) => !others.includes(id));
      expect(structs.map(({ id }) => id).sort()).toEqual(ids.sort());
    });

    it.each(own.map((schema) => [schema.wireName, schema] as const))('%s', (name, schema) => {
      const struct = STRUCTS[name]!;
      const oracle = oracles.get(schema.id)!;
      const pascal = schema.id.replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
      const View = exported(`${pascal}View`) as CodecUnderTest['View'];
      const { check, decode, encode, rules } = struct;
      const codec = { check, decode, encode, View };
      const result = runDifferential({ schema, codec, oracle, rules, seed: seedOf(name, SEED), inputs: INPUTS });
      expect(result.mismatch).toBeUndefined();
      expect(result.inputs).toBe(INPUTS);
      const unused = rules.filter((_, index) => result.refusedBy[index] === 0);
      expect(unused, 'rules that refused nothing').toEqual([]);
      expect(result.accepted, 'accepted inputs').toBeGreaterThan(INPUTS / 10);
    });

    it.each(own.map((schema) => [schema.wireName, schema] as const))('%s: tables match the schema', (name, schema) => {
      const struct = STRUCTS[name]!;
      const values = schema.fields.filter((field) => field.isValue);
      expect(struct.bytes).toBe(schema.bytes);
      expect(struct.fields.map(({ name: id, property, offset }) => ({ id, property, offset }))).toEqual(
        values.map(({ id, property, offset }) => ({ id, property, offset })),
      );
      expect(struct.fields.map(({ type }) => type)).toEqual(
        values.map(({ bytes, signed }) => `${signed ? 'i' : 'u'}${bytes * 8}`),
      );
      const prefix = schema.id.toUpperCase();
      const bytes = exported(`${prefix}_BYTES`) as number;
      const offsets = exported(`${prefix}_OFFSETS`) as Record<string, number>;
      expect(compareConstants(schema, { bytes, offsets, rules: struct.rules })).toBeUndefined();
    });
  });

  describe('the packet decoder agrees with the packet schema', () => {
    it('accepts and refuses the same packets, for reasons that hold', () => {
      const seed = seedOf('PACKET', SEED);
      const options = {
        folder,
        oracles,
        structs: STRUCTS,
        decode: (bytes: Uint8Array) => api.decodePacket(bytes),
        seed,
        inputs: INPUTS,
      };
      const result = runPacketDifferential(options);
      expect(result.mismatch).toBeUndefined();
      const codes = api.MESSAGES.map(({ code }) => code);
      expect(
        [...result.acceptedTypes].sort((a, b) => a - b),
        'message types accepted',
      ).toEqual(codes);
      expect(result.accepted).toBeGreaterThan(INPUTS / 4);
      const bodiless = api.MESSAGES.filter(({ body, headerOnly }) => body === 'none' && !headerOnly);
      expect([...result.refusedBodies].sort(), 'messages refused for their body').toEqual(
        bodiless.map(({ name }) => name).sort(),
      );
      const refusals = [...result.refusals.keys()];
      expect(refusals).toEqual(
        expect.arrayContaining(['CTRL-1', 'CTRL-2', 'CTRL-3', 'FLOW-2', 'FLOW-3', 'FLOW-4', 'FLOW-5']),
      );
      const announcing = api.MESSAGES.some(({ bodyLengths }) => bodyLengths !== undefined);
      expect(refusals.includes('declared_length_mismatch')).toBe(announcing);
      expect(refusals).toEqual(
        expect.arrayContaining([
          'source_too_short',
          'metadata_length_mismatch',
          'message_length_overflow',
          'packet_length_mismatch',
          'unknown_message_type',
          'unexpected_body',
        ]),
      );
    });
  });
});
