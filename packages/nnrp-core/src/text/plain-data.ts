import { printable } from './printable.js';

/** Deeper than anything an event or an error of these packages holds. */
const MAX_DEPTH = 8;
const MAX_ENTRIES = 100;
/** Values of one call: what was thrown may be part of a graph that has many more ways through it than objects. */
const MAX_VALUES = 10_000;
/** More than the message of an error of these packages has. */
const MAX_TEXT_BYTES = 32 * 1024;
const MAX_NAME_BYTES = 256;
/** Said otherwise, or of use to people at a console only. */
const LEFT_OUT: ReadonlySet<string> = new Set(['rawMessage', 'cause', 'stack', 'errors']);
/** Marks the errors of these packages, in every copy. */
const BRAND = Symbol.for('nnrp.error');

/**
 * A value as plain data that JSON can hold: bigints as decimal text, bytes by their length, errors by name, code, message
 * and own fields, text without what a terminal obeys or a reader cannot see. Nothing in it is a secret or a payload, nothing
 * in it makes JSON.stringify throw.
 */
export function plainData(value: unknown, depth = 0): unknown {
  // An object's own toJSON comes back here from inside.
  if (callsUnderWay === 0) valuesLeft = MAX_VALUES;
  callsUnderWay++;
  try {
    return valuesLeft-- > 0 ? convert(value, depth) : 'more than can be shown';
  } catch {
    return 'a value that cannot be shown';
  } finally {
    callsUnderWay--;
  }
}

let callsUnderWay = 0;
let valuesLeft = 0;

/** The facts of an error: name, code and message, then its own fields, then its cause. */
export function plainError(error: object, depth = 0): Record<string, unknown> {
  const { name, message, code, cause, errors } = error as {
    readonly name?: unknown;
    readonly message?: unknown;
    readonly code?: unknown;
    readonly cause?: unknown;
    readonly errors?: unknown;
  };
  const facts: Record<string, unknown> = {
    name: plainData(name, depth + 1),
    ...(code !== undefined && { code: plainData(code, depth + 1) }),
    message: plainData(message, depth + 1),
  };
  for (const [field, value] of Object.entries(error)) {
    if (field in facts || LEFT_OUT.has(field)) continue;
    // What the errors of others hold may be anything, down to the options of a connection.
    if (isOurs(error) || typeof value !== 'object') facts[field] = plainData(value, depth + 1);
  }
  if (errors !== undefined) facts['errors'] = plainData(errors, depth + 1);
  if (cause !== undefined) facts['cause'] = plainData(cause, depth + 1);
  return facts;
}

function isOurs(error: object): boolean {
  return BRAND in error;
}

function convert(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return printable(value, MAX_TEXT_BYTES);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'symbol' || typeof value === 'function') return typeof value;
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return { byteLength: value.byteLength };
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]')
    return { byteLength: (value as ArrayBuffer).byteLength };
  if (depth >= MAX_DEPTH) return Array.isArray(value) ? 'a list' : 'an object';
  if (isError(value, tag)) return plainError(value, depth);
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((entry) => plainData(entry, depth + 1));
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') return plainData(Reflect.apply(toJSON, value, []), depth + 1);
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [printable(name, MAX_NAME_BYTES), plainData(field, depth + 1)]),
  );
}

function isError(value: object, tag: string): boolean {
  return tag === '[object Error]' || tag === '[object DOMException]' || ('message' in value && 'stack' in value);
}
