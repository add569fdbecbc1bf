import { readFileSync } from 'node:fs';
import type { StructCodec } from 'nnrp-core';

/** Fields as the file has them: snake_case names, u64 as decimal strings. */
export type JsonFields = Readonly<Record<string, number | string>>;

/** What a typed payload, object reference or body vector takes from the metadata of its message. */
export interface VectorContext {
  readonly payload_kind_bitmap?: number;
  readonly payload_frame_count?: number;
  readonly descriptor_region_bytes?: number;
  readonly submit_mode?: 0 | 1 | 2;
  readonly object_ref_mask?: number;
}

/** One accepted (fields) or refused (expect_error) byte string. */
export interface ByteVector {
  readonly name: string;
  readonly kind: string;
  readonly struct?: string;
  readonly message_type?: string | null;
  readonly hex: string;
  readonly context?: VectorContext;
  /** The shape depends on the kind. */
  readonly fields?: unknown;
  readonly expect_error?: object;
  readonly trailing_bytes?: number;
  /** Releases of the reference that the vector holds for; all of the revision when neither is there. */
  readonly since?: string;
  readonly until?: string;
}

/** Values that must not be written. */
export interface WriteVector {
  readonly name: string;
  readonly struct: string;
  readonly fields: JsonFields;
  readonly expect_error: object;
}

/** A check of one structure or of two against each other. */
export interface SemanticVector {
  readonly name: string;
  readonly check: string;
  readonly hex_list: readonly string[];
  /** Code of the message that the metadata came in, where the check depends on it. */
  readonly message_type?: number;
  readonly outcome?: string;
  readonly expect_error?: object;
}

/** A number of the protocol and its bytes. */
export interface ConstantVector {
  readonly name: string;
  readonly hex: string;
  readonly value: string;
}

/** The golden vectors of a revision; the file is described by its own `conventions`. */
export interface GoldenVectors {
  readonly positive: readonly ByteVector[];
  readonly negative: readonly ByteVector[];
  readonly negative_write: readonly WriteVector[];
  readonly semantic: readonly SemanticVector[];
  readonly constants: readonly ConstantVector[];
}

/** Reads spec/REVISION/vectors.json. */
export function readGoldenVectors(revision = 'preview3'): GoldenVectors {
  const url = new URL(`../../../spec/${revision}/vectors.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as GoldenVectors;
}

/** Bytes of a hex string; the result has a buffer of its own. */
export function bytesOf(hex: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error(`not hex: ${hex}`);
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Hex string of bytes. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Every structure of a revision by its wire name. */
export type StructTable = Readonly<Record<string, StructCodec>>;

/** The codec of a structure by wire name, which must exist. */
export function structNamed(structs: StructTable, name: string | undefined): StructCodec {
  const struct = structs[name ?? ''];
  if (struct === undefined) throw new Error(`no structure ${name}`);
  return struct;
}

/**
 * The object that a structure decodes to, from the fields of a vector.
 * @throws Error when the vector names a field the structure does not have, or writes one in the wrong way
 */
export function objectOf(struct: StructCodec, json: JsonFields): Record<string, number | bigint> {
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = struct.fields.find((candidate) => candidate.name === name);
      if (field === undefined) throw new Error(`${struct.name} has no field ${name}`);
      if ((field.type === 'u64') !== (typeof value === 'string')) throw new Error(`${struct.name}.${name}: ${value}`);
      return [field.property, typeof value === 'string' ? BigInt(value) : value];
    }),
  );
}
