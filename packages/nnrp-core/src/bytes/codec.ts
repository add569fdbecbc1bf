import { bytesLeft, faultAt, faultWithValue, type WireRule } from '../faults/fault.js';
import { WireError } from '../faults/wire-error.js';
import { ofLength } from '../text/shown-value.js';

/*
 * Called by generated code only, on its refusing paths: kept out of line so that the accepting path stays small enough
 * to be inlined.
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

/** A wrong value for a message: total over everything that a caller without types may pass, and short. Text is not shown. */
function shown(value: unknown): string {
  if (typeof value === 'string') return ofLength(value);
  const isPlain = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value == null;
  return isPlain ? String(value) : typeof value;
}
