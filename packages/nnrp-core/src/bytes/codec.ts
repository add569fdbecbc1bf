import { bytesLeft, faultAt, faultWithValue, type WireRule } from '../faults/fault.js';
import { WireError } from '../faults/wire-error.js';
import { ofLength } from '../text/shown-value.js';

/*
 * Called by generated code only. What refuses is kept out of line so that the accepting path stays small enough to be
 * inlined; values of structures that do not come with each frame are looked at here, so that bundles hold that once.
 */

/** An empty view, for flyweights that have not been pointed at anything. */
export const NO_BYTES: DataView = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(0));

export function decodeFailed(rules: readonly WireRule[], index: number, view: DataView, offset: number, where: string) {
  return new WireError(faultAt(rules, index, view, offset), where);
}

export function sourceTooShort(expected: number, view: DataView, offset: number, where: string): WireError {
  return new WireError({ kind: 'source_too_short', expected, actual: bytesLeft(view, offset) }, where);
}

export function destinationTooShort(expected: number, view: DataView, offset: number, where: string): WireError {
  return new WireError({ kind: 'destination_too_short', expected, actual: bytesLeft(view, offset) }, where);
}

export function encodeFailed(rules: readonly WireRule[], index: number, value: unknown, where: string): WireError {
  const rule = rules[index];
  if (rule === undefined) throw new RangeError(`rule ${index} of ${rules.length}`);
  return new WireError(faultWithValue(rule, value as number), where);
}

export function outOfRange(field: string, type: string, value: unknown, where: string): WireError {
  return new WireError({ kind: 'field_out_of_range', field, type, value: shown(value) }, where);
}

export function requireU8(value: number, field: string, where: string): void {
  if (typeof value !== 'number' || (value & 0xff) !== value) throw outOfRange(field, 'u8', value, where);
}

export function requireU16(value: number, field: string, where: string): void {
  if (typeof value !== 'number' || (value & 0xffff) !== value) throw outOfRange(field, 'u16', value, where);
}

/** @param type - of a narrower field whose values have a rule: what is above it breaks that */
export function requireU32(value: number, field: string, where: string, type = 'u32'): void {
  if (typeof value !== 'number' || value >>> 0 !== value) throw outOfRange(field, type, value, where);
}

export function requireU64(value: bigint, field: string, where: string): void {
  if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) throw outOfRange(field, 'u64', value, where);
}

export function requireI16(value: number, field: string, where: string): void {
  if (typeof value !== 'number' || (value << 16) >> 16 !== value) throw outOfRange(field, 'i16', value, where);
}

/** A wrong value for a message: total over everything that a caller without types may pass, and short. Text is not shown. */
function shown(value: unknown): string {
  if (typeof value === 'string') return ofLength(value);
  const isPlain = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value == null;
  return isPlain ? String(value) : typeof value;
}
