import type { FieldLayout, FieldType } from '../layout.js';
import { pascal } from '../names.js';

/** Methods of DataView. */
export const READ: Readonly<Record<FieldType, string>> = {
  u8: 'getUint8',
  u16: 'getUint16',
  u32: 'getUint32',
  u64: 'getBigUint64',
  i16: 'getInt16',
};
export const WRITE: Readonly<Record<FieldType, string>> = {
  u8: 'setUint8',
  u16: 'setUint16',
  u32: 'setUint32',
  u64: 'setBigUint64',
  i16: 'setInt16',
};

/** The text of an offset from the start of a structure. */
export function offsetText(offset: number): string {
  return offset === 0 ? 'start' : `start + ${offset}`;
}

/** The text that reads a field from `view`. */
export function readOf(field: FieldLayout): string {
  return `view.${READ[field.type]}(${offsetText(field.offset)}${field.type === 'u8' ? '' : ', true'})`;
}

/** The TypeScript type of a field. */
export function typeOf(field: FieldLayout): string {
  if (field.type === 'u64') return 'bigint';
  return field.closed ? pascal(field.enum ?? '') : 'number';
}

export function fieldDoc(field: FieldLayout): string[] {
  const open = field.enum !== undefined && !field.closed ? ` Values: {@link ${pascal(field.enum)}}; others pass.` : '';
  const flags = field.flags === undefined ? '' : ` Bits: {@link ${pascal(field.flags)}}.`;
  return [`${field.doc}${open}${flags} (${field.id}, ${field.type})`];
}
