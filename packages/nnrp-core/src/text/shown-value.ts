import { printable } from './printable.js';
import { ignoreRejectionsWithin } from './refused-promises.js';

/** Most bytes of a value in a message. */
const MAX_BYTES = 120;
/** Entries of a list, and names of an object, that are shown. */
const MAX_ENTRIES = 6;

/** Most characters of a text that is shown: no word that an option takes is longer, and many secrets are. */
const MAX_WORD = 32;
/** Most characters of an address: a long name of a host has its place. */
const MAX_ADDRESS = 100;
/** Most characters of a number that was given as text. */
const MAX_NUMERAL = 24;
/** A number as people and files write it, with a unit or without: 5000, -1, 1e3, 0x10, 30s, 1.5 MiB. */
const NUMERAL = /^\s*[-+]?(0x[\da-f]+|[\d][\d._,]*(e[-+]?\d+)?)n?\s*[a-z%]{0,3}\s*$/i;
/** What stands for true or false elsewhere. */
const TRUTHS: ReadonlySet<string> = new Set(['true', 'false', 'yes', 'no', 'on', 'off']);
/** In every PEM block that holds a key. */
const KEY = 'PRIVATE KEY';

/**
 * A wrong value for the message that refuses it: short, on one line, and total over everything that a caller without
 * types may pass. Text, bytes and what objects hold are not shown, since it may be secret: a token or a
 * key in the wrong place. Where text was expected, see {@link shownWord}. A promise in a
 * value that is refused is never awaited, so it is marked as handled.
 */
export function shownValue(value: unknown): string {
  ignoreRejectionsWithin(value);
  try {
    return printable(describe(value), MAX_BYTES);
  } catch {
    // Proxies and getters may throw.
    return 'a value that cannot be shown';
  }
}

/**
 * The same where one of a few words, or a name, was expected: a short text is shown, so that a misspelling is seen. Of a
 * longer one, and of a private key, only the length is told.
 */
export function shownWord(value: unknown): string {
  return typeof value === 'string' ? quoted(value, MAX_WORD) : shownValue(value);
}

/**
 * The same where a number, or true or false, was expected: text that says one is shown, since the mistake is then that it is
 * text. Of any other only the length is told: it is of no use in the message, and may be a secret in the wrong place.
 */
export function shownPlain(value: unknown): string {
  if (typeof value !== 'string') return shownValue(value);
  const isPlain = (value.length <= MAX_NUMERAL && NUMERAL.test(value)) || TRUTHS.has(value.toLowerCase());
  return isPlain ? `'${printable(value, MAX_BYTES)}'` : ofLength(value);
}

/** The same where an address was expected: without user, password, path and query, as URLs have them. */
export function shownAddress(value: unknown): string {
  if (typeof value !== 'string') return shownValue(value);
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(value) ?? [];
  const host = rest.slice(rest.lastIndexOf('@') + 1);
  const place = host.replace(/[/?#].*$/s, '');
  const text = `${scheme}${host === rest ? '' : '…@'}${place}${place === host ? '' : '…'}`;
  return value.includes(KEY) ? ofLength(value) : quoted(text, MAX_ADDRESS);
}

function quoted(text: string, most: number): string {
  if (text.length > most || text.includes(KEY)) return ofLength(text);
  return `'${printable(text, MAX_BYTES)}'`;
}

/** A text of which nothing is shown. */
export function ofLength({ length }: string): string {
  if (length === 0) return 'an empty string';
  return `a string of ${length} ${length === 1 ? 'character' : 'characters'}`;
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return ofLength(value);
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
    .map((entry) =>
      typeof entry === 'object' ? typeOf(entry) : typeof entry === 'string' ? 'a string' : describe(entry),
    );
  return `[${shown.join(', ')}${list.length > MAX_ENTRIES ? `, ... ${list.length} in all` : ''}]`;
}

function typeOf(entry: unknown): string {
  return entry === null ? 'null' : 'an object';
}
