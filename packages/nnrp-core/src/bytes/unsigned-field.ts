import type { WireFault } from '../faults/fault.js';
import { shownValue } from '../text/shown-value.js';

/**
 * Checks a number that the caller passes beside the bytes, and that a field of the metadata or of the prelude would hold.
 * Bit operations alone would take 4294967296 for 0.
 *
 * @param field - its name on the wire
 * @returns field_out_of_range, or undefined for an integer that fits
 */
export function checkUnsignedField(field: string, type: 'u16' | 'u32', value: unknown): WireFault | undefined {
  const max = type === 'u16' ? 0xffff : 0xffffffff;
  if (isUnsigned(value, max)) return undefined;
  return { kind: 'field_out_of_range', field, type, value: shownValue(value) };
}

/** Whether the value is an integer from 0 to `max`. */
export function isUnsigned(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}
