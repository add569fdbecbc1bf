import { INSPECT, type Inspect, plainData, shownFormats, shownStack } from 'nnrp-core';

/** Deeper than metadata lies in a message, or a message in an event. */
const MAX_DEPTH = 4;

const MAX_COPIED_DEPTH = 3;
/** Fields for what was thrown: the object of other code, which must not be changed, and may throw when it is read. */
const OF_OTHERS: ReadonlySet<string> = new Set(['error', 'cause']);

/**
 * Makes plain data fit for logs: JSON.stringify shows bigints as text, bytes by their length and errors by their facts,
 * and console.log shows of bytes the length as well. Reading the fields, and copying the object, is as it was.
 *
 * @returns the same object; one that is not plain, or frozen, is left as it is
 */
export function described<Data>(data: Data): Data {
  if (!isPlain(data) || INSPECT in data || !Object.isExtensible(data)) return data;
  Object.defineProperty(data, 'toJSON', { value: toJSON });
  Object.defineProperty(data, INSPECT, { value: inspectPlain });
  // What is inside may be logged by itself. It may be a circle, so this object is done before.
  for (const [name, field] of Object.entries(data))
    if (!OF_OTHERS.has(name) && isPlain(field) && needsWords(field)) described(field);
  return data;
}

function toJSON(this: object): unknown {
  return plainData({ ...this });
}

function inspectPlain(this: object, _depth: number, options: object, inspect?: Inspect): unknown {
  const entries = Object.entries(this).map(([name, field]) => [name, harmless(field)]);
  const shown: unknown = Object.fromEntries(entries);
  return inspect === undefined ? shown : shownFormats(inspect(shown, options));
}

/**
 * Bytes by their length, also in what was thrown, of which this is a copy; that may be a circle, so not all of it. Of the
 * errors of others util.inspect would show the text as it is.
 */
function harmless(field: unknown, depth = 0): unknown {
  if (ArrayBuffer.isView(field)) return { byteLength: field.byteLength };
  try {
    if (isErrorOfOthers(field)) return { [INSPECT]: () => shownStack(field) };
    if (depth >= MAX_COPIED_DEPTH || !isPlain(field) || INSPECT in field) return field;
    return Object.fromEntries(Object.entries(field).map(([name, value]) => [name, harmless(value, depth + 1)]));
  } catch {
    // What cannot be looked at, util.inspect shows as such.
    return field;
  }
}

function isErrorOfOthers(field: unknown): field is Error {
  return typeof field === 'object' && field !== null && 'stack' in field && 'message' in field && !(INSPECT in field);
}

/** Whether something in it is no JSON. A thrown object may contain itself. */
function needsWords(field: unknown, depth = 0): boolean {
  if (typeof field === 'bigint' || ArrayBuffer.isView(field)) return true;
  return depth < MAX_DEPTH && isPlain(field) && Object.values(field).some((inner) => needsWords(inner, depth + 1));
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
