import { faultAt, WireError, type WireFault } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import {
  type ByteVector,
  bytesOf,
  hexOf,
  type JsonFields,
  objectOf,
  readGoldenVectors,
  structNamed,
  type VectorContext,
} from '../src/golden-vectors.js';

const vectors = readGoldenVectors();
/** Names of the vectors whose test body ran to its end. */
const executed = new Set<string>();

/** Kinds that packet-vectors.test.ts runs. */
const elsewhere = (vector: ByteVector) => vector.kind === 'packet';

describe.each(vectors.positive.filter((vector) => !elsewhere(vector)))('accepts $name', (vector) => {
  it('decodes to the fields and encodes to the bytes', () => {
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
        throw new Error(`no test for kind ${vector.kind}`);
    }
    executed.add(vector.name);
  });
});

describe.each(vectors.negative.filter((vector) => !elsewhere(vector)))('refuses $name', (vector) => {
  it('reports the fault', () => {
    const bytes = bytesOf(vector.hex);
    const context = vector.context ?? {};
    let silent: WireFault | undefined;
    let decode: () => unknown;
    switch (vector.kind) {
      case 'struct':
      case 'header': {
        const struct = structNamed(structOf(vector));
        const view = new DataView(bytes.buffer);
        silent = faultAt(struct.rules, struct.check(view), view, 0);
        decode = () => struct.decode(view);
        break;
      }
      case 'typed_payload_region':
        silent = preview3.checkTypedPayloads(bytes, regionContext(context));
        decode = () => preview3.decodeTypedPayloads(bytes, regionContext(context));
        break;
      case 'object_reference_region':
        silent = preview3.checkObjectReferences(bytes, submitOf(context));
        decode = () => preview3.decodeObjectReferences(bytes, submitOf(context));
        break;
      case 'body':
        silent = preview3.checkBody(bytes, bodyContext(context));
        decode = () => preview3.decodeBody(bytes, bodyContext(context));
        break;
      default:
        throw new Error(`no test for kind ${vector.kind}`);
    }
    expect(silent).toStrictEqual(vector.expect_error);
    expect(faultOf(decode)).toStrictEqual(vector.expect_error);
    executed.add(vector.name);
  });
});

describe.each(vectors.negative_write)('does not write $name', (vector) => {
  it('reports the fault and leaves the bytes alone', () => {
    const struct = structNamed(vector.struct);
    const value = objectOf(vector.struct, vector.fields);
    expect(Object.keys(value)).toHaveLength(struct.fields.length);
    const bytes = new Uint8Array(struct.bytes).fill(0xa5);
    const fault = faultOf(() => struct.encode(value, new DataView(bytes.buffer)));
    expect(fault).toStrictEqual(vector.expect_error);
    expect(bytes).toEqual(new Uint8Array(struct.bytes).fill(0xa5));
    executed.add(vector.name);
  });
});

describe.each(vectors.semantic)('judges $name', (vector) => {
  it('finds the outcome or the fault', () => {
    const views = vector.hex_list.map((hex) => new DataView(bytesOf(hex).buffer));
    const result = judge(vector.check, views);
    if (vector.expect_error !== undefined) expect(result).toStrictEqual({ fault: vector.expect_error });
    else expect(result).toStrictEqual({ outcome: vector.outcome });
    executed.add(vector.name);
  });
});

/** Constant of the package behind each name of the section `constants`. */
const CONSTANTS: Readonly<Record<string, number | bigint>> = {
  'session_error.none': preview3.SessionErrorCode.None,
  'session_error.auth_failed': preview3.SessionErrorCode.AuthFailed,
  'session_error.profile_unsupported': preview3.SessionErrorCode.ProfileUnsupported,
  'session_error.schema_unsupported': preview3.SessionErrorCode.SchemaUnsupported,
  'session_error.priority_rejected': preview3.SessionErrorCode.PriorityRejected,
  'session_error.lease_policy_rejected': preview3.SessionErrorCode.LeasePolicyRejected,
  'session_error.resume_rejected': preview3.SessionErrorCode.ResumeRejected,
  'session_error.limit_reached': preview3.SessionErrorCode.SessionLimitReached,
  'cache_error.none': preview3.CacheErrorCode.None,
  'cache_error.miss': preview3.CacheErrorCode.CacheMiss,
  'cache_error.lease_expired': preview3.CacheErrorCode.LeaseExpired,
  'cache_error.version_mismatch': preview3.CacheErrorCode.VersionMismatch,
  'cache_error.dependency_invalid': preview3.CacheErrorCode.DependencyInvalid,
  'cache_error.schema_mismatch': preview3.CacheErrorCode.SchemaMismatch,
  'schema_error.none': preview3.SchemaErrorCode.None,
  'schema_error.unknown': preview3.SchemaErrorCode.SchemaUnknown,
  'schema_error.version_unknown': preview3.SchemaErrorCode.SchemaVersionUnknown,
  'schema_error.hash_conflict': preview3.SchemaErrorCode.SchemaHashConflict,
  'schema_error.incompatible': preview3.SchemaErrorCode.SchemaIncompatible,
  'schema_error.dependency_missing': preview3.SchemaErrorCode.SchemaDependencyMissing,
  'schema_error.update_rejected': preview3.SchemaErrorCode.SchemaUpdateRejected,
  'token_delta.schema_id': preview3.TOKEN_DELTA_SCHEMA_ID,
  'token_delta.schema_version': preview3.TOKEN_DELTA_SCHEMA_VERSION,
  'token_delta.schema_hash': preview3.TOKEN_DELTA_SCHEMA_HASH,
};

describe.each(vectors.constants)('has $name', (vector) => {
  it('equals the value and its bytes', () => {
    const constant = CONSTANTS[vector.name];
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
    const { positive, negative, negative_write, semantic, constants } = vectors;
    const all = [...positive, ...negative, ...negative_write, ...semantic, ...constants];
    const names = new Set(all.map((vector) => vector.name));
    expect(names.size).toBe(all.length);
    for (const vector of [...positive, ...negative].filter(elsewhere)) names.delete(vector.name);
    expect([...executed].sort()).toEqual([...names].sort());
  });
});

function structOf(vector: ByteVector): string {
  return vector.kind === 'header' ? 'HEADER' : (vector.struct ?? '');
}

function acceptStruct(vector: ByteVector, bytes: Uint8Array): void {
  const struct = structNamed(structOf(vector));
  const view = new DataView(bytes.buffer);
  expect(struct.check(view)).toBe(-1);
  const decoded = struct.decode(view);
  expect(decoded).toStrictEqual(objectOf(struct.name, vector.fields as JsonFields));
  const written = new Uint8Array(struct.bytes).fill(0xa5);
  expect(struct.encode(decoded, new DataView(written.buffer))).toBe(struct.bytes);
  expect(hexOf(written)).toBe(hexOf(bytes.subarray(0, bytes.length - (vector.trailing_bytes ?? 0))));
}

interface JsonFrame {
  readonly descriptor: JsonFields;
  readonly payload_hex: string;
}

function acceptTypedPayloads(vector: ByteVector, bytes: Uint8Array): void {
  const context = regionContext(vector.context ?? {});
  expect(preview3.checkTypedPayloads(bytes, context)).toBeUndefined();
  const frames = preview3.decodeTypedPayloads(bytes, context);
  expectFrames(frames, (vector.fields as { frames: readonly JsonFrame[] }).frames);
  expect(hexOf(preview3.encodeTypedPayloads(frames, context))).toBe(vector.hex);
}

function expectFrames(frames: readonly preview3.TypedPayloadFrame[], expected: readonly JsonFrame[]): void {
  const shown = frames.map(({ descriptor, payload }) => ({ descriptor, payload: hexOf(payload) }));
  expect(shown).toStrictEqual(
    expected.map((frame) => ({
      descriptor: objectOf('TYPED_PAYLOAD_DESCRIPTOR', frame.descriptor),
      payload: frame.payload_hex,
    })),
  );
}

function acceptObjectReferences(vector: ByteVector, bytes: Uint8Array): void {
  const submit = submitOf(vector.context ?? {});
  expect(preview3.checkObjectReferences(bytes, submit)).toBeUndefined();
  const blocks = preview3.decodeObjectReferences(bytes, submit);
  const expected = (vector.fields as { blocks: readonly JsonFields[] }).blocks;
  expect(blocks).toStrictEqual(expected.map((block) => objectOf('OBJECT_REFERENCE_BLOCK', block)));
  expect(hexOf(preview3.encodeObjectReferences(blocks, submit))).toBe(vector.hex);
}

function acceptBody(vector: ByteVector, bytes: Uint8Array): void {
  const context = bodyContext(vector.context ?? {});
  expect(preview3.checkBody(bytes, context)).toBeUndefined();
  const body = preview3.decodeBody(bytes, context);
  const expected = vector.fields as {
    prelude: JsonFields;
    inline_objects: readonly unknown[];
    object_references: readonly JsonFields[];
    typed_payloads: readonly JsonFrame[];
    extensions: readonly unknown[];
  };
  expect(body.prelude).toStrictEqual(objectOf('BODY_REGION_PRELUDE', expected.prelude));
  expect(body.objectReferences).toStrictEqual(
    expected.object_references.map((block) => objectOf('OBJECT_REFERENCE_BLOCK', block)),
  );
  expectFrames(body.typedPayloads, expected.typed_payloads);
  // No vector has any of these, so the file does not say how they would be written.
  expect([expected.inline_objects, expected.extensions]).toEqual([[], []]);
  expect([body.inlineObjects, body.extensions]).toEqual([[], []]);
  expect(hexOf(preview3.encodeBody(body, context))).toBe(vector.hex);
}

function regionContext(context: VectorContext): preview3.TypedPayloadContext {
  return { ...bodyContext(context), descriptorBytes: given(context.descriptor_region_bytes) };
}

function bodyContext(context: VectorContext): preview3.TypedPayloadCounts {
  return {
    payloadKindBitmap: given(context.payload_kind_bitmap),
    payloadFrameCount: given(context.payload_frame_count),
  };
}

function submitOf(context: VectorContext): preview3.SubmitObjects | undefined {
  if (context.submit_mode === undefined) return undefined;
  return { submitMode: context.submit_mode, objectRefMask: given(context.object_ref_mask) };
}

function given(value: number | undefined): number {
  if (value === undefined) throw new Error('the vector lacks a part of its context');
  return value;
}

function judge(check: string, views: readonly DataView[]): { fault: WireFault } | { outcome: string } {
  const [first, second = first] = views;
  if (first === undefined || second === undefined) throw new Error('the vector has no bytes');
  switch (check) {
    case 'recovery_request':
      return okUnless(preview3.checkRecoveryRequest(preview3.decodeSessionOpen(first)));
    case 'recovery_ack':
      return faultOrOutcome(
        preview3.recoveryOutcome(preview3.decodeSessionOpen(first), preview3.decodeSessionOpenAck(second)),
      );
    case 'migration':
      return okUnless(
        preview3.checkMigration(preview3.decodeSessionMigrate(first), preview3.decodeSessionMigrateAck(second)),
      );
    case 'hello_ack':
      return okUnless(preview3.checkHelloAck(preview3.decodeClientHello(first), preview3.decodeServerHelloAck(second)));
    case 'open_ack_install':
      return faultOrOutcome(preview3.openAckOutcome(preview3.decodeSessionOpenAck(first)));
    default:
      throw new Error(`no test for check ${check}`);
  }
}

function okUnless(fault: WireFault | undefined): { fault: WireFault } | { outcome: string } {
  return fault === undefined ? { outcome: 'ok' } : { fault };
}

function faultOrOutcome(
  result: preview3.RecoveryOutcome | preview3.OpenAckOutcome,
): { fault: WireFault } | { outcome: string } {
  return result.outcome === 'fault' ? { fault: result.fault } : { outcome: result.outcome };
}

function faultOf(run: () => unknown): WireFault {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return (error as WireError).fault;
  }
  throw new Error('nothing was thrown');
}
