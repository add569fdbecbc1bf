import { readFileSync } from 'node:fs';
import { type ByteVector, bytesOf, hexOf, type JsonFields, readGoldenVectors } from '../golden-vectors.js';
import type { Checks } from './checks.js';
import { objectOf, structNamed } from './structs.js';

const VECTORS = readGoldenVectors();
const FILE = new URL('../../../../spec/preview3/vectors.json', import.meta.url);

/** A request for a session, and the bytes that answer it. */
export interface OpenDecision {
  readonly name: string;
  /** Metadata of SESSION_OPEN. */
  readonly open_hex: string;
  /** The whole SESSION_OPEN_ACK; absent where the reference sends none. */
  readonly ack_packet_hex?: string;
}

/** How sessions are decided upon. @throws Error when there is none of this name */
export function openDecision(name: string): OpenDecision {
  const file = JSON.parse(readFileSync(FILE, 'utf8')) as { readonly session_open_decisions: readonly OpenDecision[] };
  return named(file.session_open_decisions, name);
}

/** The transitions of operations: [from, to] pairs by state number, and which states are terminal. */
export function operationTable(): {
  readonly legal: readonly (readonly [number, number])[];
  readonly terminal: number[];
} {
  return JSON.parse(readFileSync(FILE, 'utf8')).state_machines.operation;
}

/** A vector that must be accepted. @throws Error when there is none of this name */
export function positive(name: string): ByteVector {
  return named(VECTORS.positive, name);
}

/** A vector that must be refused. @throws Error when there is none of this name */
export function negative(name: string): ByteVector {
  return named(VECTORS.negative, name);
}

/** A number of the protocol as the vectors have it: its value, and its bytes. */
export function constant(name: string): { readonly value: number; readonly hex: string } {
  const { value, hex } = named(VECTORS.constants, name);
  return { value: Number(value), hex };
}

/** The bytes of a vector; a buffer of their own. */
export function vectorBytes(vector: ByteVector): Uint8Array {
  return bytesOf(vector.hex);
}

/**
 * Decodes the structure of a vector, compares every field, and encodes it again to the same bytes.
 * @throws CheckFailure when any of it differs
 */
export function checkGolden(check: Checks, name: string): Record<string, number | bigint> {
  const vector = positive(name);
  const struct = structNamed(vector.struct ?? vector.kind.toUpperCase());
  const bytes = vectorBytes(vector);
  const view = new DataView(bytes.buffer as ArrayBuffer);
  check.equal(struct.check(view, 0), -1, `${name} passes every rule`);
  const value = struct.decode(view, 0) as Record<string, number | bigint>;
  check.equal(value, objectOf(struct.name, vector.fields as JsonFields), `${name} decoded`);
  const again = new Uint8Array(struct.bytes);
  struct.encode(value, new DataView(again.buffer), 0);
  check.bytes(again, hexOf(bytes.subarray(0, struct.bytes)), `${name} encoded again`);
  return value;
}

/**
 * The structure of a vector is refused for exactly the reason that the vector gives.
 * @throws CheckFailure when it is not
 */
export function checkRefused(check: Checks, name: string): void {
  const vector = negative(name);
  const struct = structNamed(vector.struct ?? vector.kind.toUpperCase());
  const view = new DataView(vectorBytes(vector).buffer as ArrayBuffer);
  check.ok(struct.check(view, 0) >= 0, `${name} breaks a rule`);
  check.refuses(() => struct.decode(view, 0), vector.expect_error ?? {}, `${name} is not decoded`);
}

function named<T extends { readonly name: string }>(vectors: readonly T[], name: string): T {
  const found = vectors.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
}
