import { printable } from './printable.js';

/** Most bytes of a value in a message. */
const MAX_BYTES = 120;
/** Entries of a list, and names of an object, that are shown. */
const MAX_ENTRIES = 6;

/**
 * A wrong value for the message that refuses it: short, on one line, and total over everything that a caller without
 * types may pass. Bytes and what objects hold are not shown, since it may be what nobody should read.
 */
export function shownValue(value: unknown): string {
  try {
    return printable(describe(value), MAX_BYTES);
  } catch {
    // Proxies and getters may throw.
    return 'a value that cannot be shown';
  }
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `'${value.slice(0, MAX_BYTES)}'`;
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : describeObject(value);
    default:
      return String(value);
  }
}

function describeObject(value: object): string {
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return describeList(value);
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (tag !== 'Object') return `an object of the kind ${tag}`;
  const names = Object.keys(value);
  if (names.length === 0) return 'an object';
  const more = names.length > MAX_ENTRIES ? ', ...' : '';
  return `an object with ${names.slice(0, MAX_ENTRIES).join(', ')}${more}`;
}

function describeList(list: readonly unknown[]): string {
  const shown = list
    .slice(0, MAX_ENTRIES)
    .map((entry) => (typeof entry === 'object' ? typeOf(entry) : describe(entry)));
  return `[${shown.join(', ')}${list.length > MAX_ENTRIES ? `, ... ${list.length} in all` : ''}]`;
}

function typeOf(entry: unknown): string {
  return entry === null ? 'null' : 'an object';
}
