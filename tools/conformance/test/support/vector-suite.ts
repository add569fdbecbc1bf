import { faultAt, type StructCodec, WireError, type WireFault } from 'nnrp-core';
import type {
  OpenAckOutcome,
  RecoveryOutcome,
  SubmitObjects,
  TypedPayloadContext,
  TypedPayloadCounts,
} from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import {
  type ByteVector,
  bytesOf,
  hexOf,
  type JsonFields,
  objectOf,
  readGoldenVectors,
  type StructTable,
  structNamed,
  type VectorContext,
  type WriteVector,
} from '../../src/golden-vectors.js';

/** What a check of several structures says. */
export type Judgement = { fault: WireFault } | { outcome: string };

/** The functions of a revision that its vectors are run through. What they decode is compared, and not looked into. */
export interface RegionApi {
  checkTypedPayloads(bytes: Uint8Array, context: TypedPayloadContext): WireFault | undefined;
  decodeTypedPayloads(bytes: Uint8Array, context: TypedPayloadContext): Frame[];
  encodeTypedPayloads(frames: never, context: TypedPayloadContext): Uint8Array;
  checkObjectReferences(bytes: Uint8Array, submit?: SubmitObjects): WireFault | undefined;
  decodeObjectReferences(bytes: Uint8Array, submit?: SubmitObjects): object[];
  encodeObjectReferences(blocks: never, submit?: SubmitObjects): Uint8Array;
  checkBody(bytes: Uint8Array, context: TypedPayloadCounts): WireFault | undefined;
  decodeBody(bytes: Uint8Array, context: TypedPayloadCounts): Body;
  encodeBody(parts: never, context: TypedPayloadCounts): Uint8Array;
}

interface Frame {
  readonly descriptor: object;
  readonly payload: Uint8Array;
}

interface Body {
  readonly prelude: object;
  readonly inlineObjects: readonly { readonly header: object; readonly payload: Uint8Array }[];
  readonly objectReferences: readonly object[];
  readonly typedPayloads: readonly Frame[];
  readonly extensions: readonly unknown[];
}

/** How a kind of vector that only some revisions have is run. */
export interface VectorKind {
  /** Decodes, compares with the fields, encodes and compares with the bytes. */
  accept(vector: ByteVector, bytes: Uint8Array): void;
  /** What the check says, and the call that throws. */
  refusal(vector: ByteVector, bytes: Uint8Array): [WireFault | undefined, () => unknown];
}

/** A revision and what its vectors need. */
export interface VectorSuite {
  readonly revision: string;
  readonly structs: StructTable;
  readonly regions: RegionApi;
  /** Kinds that not every revision has. */
  readonly kinds?: Readonly<Record<string, VectorKind>>;
  /** Writes the values of a vector that names no structure. */
  write?(struct: string, fields: JsonFields): unknown;
  /** Vectors that another test runs. */
  elsewhere(vector: ByteVector): boolean;
  /** Runs a semantic vector. */
  judge(check: string, views: readonly DataView[], messageType: number): Judgement;
  /** Constant of the package behind each name of the section `constants`. */
  readonly constants: Readonly<Record<string, number | bigint>>;
  /** The fault that this implementation reports for a vector which only an earlier release accepts. */
  laterFault?(vector: ByteVector): object | undefined;
}

/** Declares the tests of the golden vectors of a revision. */
export function describeVectors(suite: VectorSuite): void {
  const { structs, regions, constants } = suite;
  const vectors = readGoldenVectors(suite.revision);
  /** Names of the vectors whose test body ran to its end. */
  const executed = new Set<string>();
  const isHere = (vector: ByteVector) => !suite.elsewhere(vector);

  describe.each(vectors.positive.filter(isHere))('accepts $name', (vector) => {
    it('decodes to the fields and encodes to the bytes', () => {
      const later = suite.laterFault?.(vector);
      if (later === undefined) accept(vector);
      else refuse(vector, later);
      executed.add(vector.name);
    });
  });

  describe.each(vectors.negative.filter(isHere))('refuses $name', (vector) => {
    it('reports the fault', () => {
      refuse(vector, vector.expect_error);
      executed.add(vector.name);
    });
  });

  describe.each(vectors.negative_write)('does not write $name', (vector) => {
    it('reports the fault and leaves the bytes alone', () => {
      if (structs[vector.struct] === undefined) {
        expect(faultOf(() => suite.write?.(vector.struct, vector.fields))).toStrictEqual(vector.expect_error);
      } else {
        refuseToWrite(structNamed(structs, vector.struct), vector);
      }
      executed.add(vector.name);
    });
  });

  function refuseToWrite(struct: StructCodec, vector: WriteVector): void {
    const value = objectOf(struct, vector.fields);
    expect(Object.keys(value)).toHaveLength(struct.fields.length);
    const bytes = new Uint8Array(struct.bytes).fill(0xa5);
    const fault = faultOf(() => struct.encode(value, new DataView(bytes.buffer)));
    expect(fault).toStrictEqual(vector.expect_error);
    expect(bytes).toEqual(new Uint8Array(struct.bytes).fill(0xa5));
  }

  describe.each(vectors.semantic)('judges $name', (vector) => {
    it('finds the outcome or the fault', () => {
      const views = vector.hex_list.map((hex) => new DataView(bytesOf(hex).buffer));
      const result = suite.judge(vector.check, views, vector.message_type ?? 0);
      if (vector.expect_error !== undefined) expect(result).toStrictEqual({ fault: vector.expect_error });
      else expect(result).toStrictEqual({ outcome: vector.outcome });
      executed.add(vector.name);
    });
  });

  describe.each(vectors.constants)('has $name', (vector) => {
    it('equals the value and its bytes', () => {
      const constant = constants[vector.name];
      if (constant === undefined) throw new Error(`no constant for ${vector.name}`);
      expect(String(constant)).toBe(vector.value);
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(constant), true);
      expect(hexOf(bytes.subarray(0, vector.hex.length / 2))).toBe(vector.hex);
      executed.add(vector.name);
    });
  });

  describe('the vector file', () => {
    it('has no vector that is not run', () => {
      const { positive, negative, negative_write, semantic, constants: numbers } = vectors;
      const all = [...positive, ...negative, ...negative_write, ...semantic, ...numbers];
      const names = new Set(all.map((vector) => vector.name));
      expect(names.size).toBe(all.length);
      for (const vector of [...positive, ...negative].filter(suite.elsewhere)) names.delete(vector.name);
      expect([...executed].sort()).toEqual([...names].sort());
    });
  });

  function accept(vector: ByteVector): void {
    const bytes = bytesOf(vector.hex);
    switch (vector.kind) {
      case 'struct':
      case 'header':
        acceptStruct(vector, bytes);
        break;
      case 'typed_payload_region':
        acceptTypedPayloads(vector, bytes);
        break;
      case 'object_reference_region':
        acceptObjectReferences(vector, bytes);
        break;
      case 'body':
        acceptBody(vector, bytes);
        break;
      default:
        kindOf(vector).accept(vector, bytes);
    }
  }

  function kindOf({ kind }: ByteVector): VectorKind {
    const found = suite.kinds?.[kind];
    if (found === undefined) throw new Error(`no test for kind ${kind}`);
    return found;
  }

  function refuse(vector: ByteVector, expected: object | undefined): void {
    const bytes = bytesOf(vector.hex);
    const context = vector.context ?? {};
    const [silent, decode] = refusal(vector, bytes, context);
    expect(silent).toStrictEqual(expected);
    expect(faultOf(decode)).toStrictEqual(expected);
  }

  /** What the check says, and the call that throws. */
  function refusal(
    vector: ByteVector,
    bytes: Uint8Array,
    context: VectorContext,
  ): [WireFault | undefined, () => unknown] {
    switch (vector.kind) {
      case 'struct':
      case 'header': {
        const struct = structOf(vector);
        const view = new DataView(bytes.buffer);
        return [faultAt(struct.rules, struct.check(view), view, 0), () => struct.decode(view)];
      }
      case 'typed_payload_region':
        return [
          regions.checkTypedPayloads(bytes, regionContext(context)),
          () => regions.decodeTypedPayloads(bytes, regionContext(context)),
        ];
      case 'object_reference_region':
        return [
          regions.checkObjectReferences(bytes, submitOf(context)),
          () => regions.decodeObjectReferences(bytes, submitOf(context)),
        ];
      case 'body':
        return [regions.checkBody(bytes, bodyContext(context)), () => regions.decodeBody(bytes, bodyContext(context))];
      default:
        return kindOf(vector).refusal(vector, bytes);
    }
  }

  function structOf(vector: ByteVector): StructCodec {
    return structNamed(structs, vector.kind === 'header' ? 'HEADER' : vector.struct);
  }

  function acceptStruct(vector: ByteVector, bytes: Uint8Array): void {
    const struct = structOf(vector);
    const view = new DataView(bytes.buffer);
    expect(struct.check(view)).toBe(-1);
    const decoded = struct.decode(view);
    expect(decoded).toStrictEqual(objectOf(struct, vector.fields as JsonFields));
    const written = new Uint8Array(struct.bytes).fill(0xa5);
    expect(struct.encode(decoded, new DataView(written.buffer))).toBe(struct.bytes);
    expect(hexOf(written)).toBe(hexOf(bytes.subarray(0, bytes.length - (vector.trailing_bytes ?? 0))));
  }

  function acceptTypedPayloads(vector: ByteVector, bytes: Uint8Array): void {
    const context = regionContext(vector.context ?? {});
    expect(regions.checkTypedPayloads(bytes, context)).toBeUndefined();
    const frames = regions.decodeTypedPayloads(bytes, context);
    expectFrames(frames, (vector.fields as { frames: readonly JsonFrame[] }).frames);
    expect(hexOf(regions.encodeTypedPayloads(frames as never, context))).toBe(vector.hex);
  }

  function expectFrames(frames: readonly Frame[], expected: readonly JsonFrame[]): void {
    const shown = frames.map(({ descriptor, payload }) => ({ descriptor, payload: hexOf(payload) }));
    expect(shown).toStrictEqual(
      expected.map((frame) => ({
        descriptor: objectOf(structNamed(structs, 'TYPED_PAYLOAD_DESCRIPTOR'), frame.descriptor),
        payload: frame.payload_hex,
      })),
    );
  }

  function acceptObjectReferences(vector: ByteVector, bytes: Uint8Array): void {
    const submit = submitOf(vector.context ?? {});
    expect(regions.checkObjectReferences(bytes, submit)).toBeUndefined();
    const blocks = regions.decodeObjectReferences(bytes, submit);
    const expected = (vector.fields as { blocks: readonly JsonFields[] }).blocks;
    expect(blocks).toStrictEqual(
      expected.map((block) => objectOf(structNamed(structs, 'OBJECT_REFERENCE_BLOCK'), block)),
    );
    expect(hexOf(regions.encodeObjectReferences(blocks as never, submit))).toBe(vector.hex);
  }

  function acceptBody(vector: ByteVector, bytes: Uint8Array): void {
    const context = bodyContext(vector.context ?? {});
    expect(regions.checkBody(bytes, context)).toBeUndefined();
    const body = regions.decodeBody(bytes, context);
    const expected = vector.fields as {
      prelude: JsonFields;
      inline_objects: readonly { readonly header: JsonFields; readonly payload_hex: string }[];
      object_references: readonly JsonFields[];
      typed_payloads: readonly JsonFrame[];
      extensions: readonly unknown[];
    };
    expect(body.prelude).toStrictEqual(objectOf(structNamed(structs, 'BODY_REGION_PRELUDE'), expected.prelude));
    expect(body.objectReferences).toStrictEqual(
      expected.object_references.map((block) => objectOf(structNamed(structs, 'OBJECT_REFERENCE_BLOCK'), block)),
    );
    expectFrames(body.typedPayloads, expected.typed_payloads);
    const objects = body.inlineObjects.map(({ header, payload }) => ({ header, payload: hexOf(payload) }));
    const header = structNamed(structs, 'INLINE_OBJECT_BLOCK_HEADER');
    expect(objects).toStrictEqual(
      expected.inline_objects.map((object) => ({
        header: objectOf(header, object.header),
        payload: object.payload_hex,
      })),
    );
    // No vector has any of these, so the file does not say how they would be written.
    expect([expected.extensions, body.extensions]).toEqual([[], []]);
    expect(hexOf(regions.encodeBody(body as never, context))).toBe(vector.hex);
  }
}

interface JsonFrame {
  readonly descriptor: JsonFields;
  readonly payload_hex: string;
}

function regionContext(context: VectorContext): TypedPayloadContext {
  return { ...bodyContext(context), descriptorBytes: given(context.descriptor_region_bytes) };
}

function bodyContext(context: VectorContext): TypedPayloadCounts {
  return {
    payloadKindBitmap: given(context.payload_kind_bitmap),
    payloadFrameCount: given(context.payload_frame_count),
    ...submitOf(context),
  };
}

function submitOf(context: VectorContext): SubmitObjects | undefined {
  if (context.submit_mode === undefined) return undefined;
  return { submitMode: context.submit_mode, objectRefMask: given(context.object_ref_mask) };
}

function given(value: number | undefined): number {
  if (value === undefined) throw new Error('the vector lacks a part of its context');
  return value;
}

export function faultOf(run: () => unknown): WireFault {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return (error as WireError).fault;
  }
  throw new Error('nothing was thrown');
}

export function okUnless(fault: WireFault | undefined): Judgement {
  return fault === undefined ? { outcome: 'ok' } : { fault };
}

export function faultOrOutcome(result: RecoveryOutcome | OpenAckOutcome): Judgement {
  return result.outcome === 'fault' ? { fault: result.fault } : { outcome: result.outcome };
}
