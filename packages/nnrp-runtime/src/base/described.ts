import { INSPECT, type Inspect, plainData } from 'nnrp-core';

/**
 * Makes plain data fit for logs: JSON.stringify shows bigints as text, bytes by their length and errors by their facts,
 * and console.log shows of bytes the length as well. Reading the fields, and copying the object, is as it was.
 *
 * @returns the same object; one that is not plain, or frozen, is left as it is
 */
export function described<Data>(data: Data): Data {
  if (!isPlain(data) || INSPECT in data || !Object.isExtensible(data)) return data;
  // What is inside may be logged by itself. It is made by the runtime, so it is neither deep nor a circle.
  for (const field of Object.values(data)) if (isPlain(field) && needsWords(field)) described(field);
  Object.defineProperty(data, 'toJSON', { value: toJSON });
  Object.defineProperty(data, INSPECT, { value: inspectPlain });
  return data;
}

function toJSON(this: object): unknown {
  return plainData({ ...this });
}

function inspectPlain(this: object, _depth: number, options: object, inspect?: Inspect): unknown {
  const entries = Object.entries(this).map(([name, field]) => [name, bytesByLength(field)]);
  const shown: unknown = Object.fromEntries(entries);
  return inspect === undefined ? shown : inspect(shown, options);
}

function bytesByLength(field: unknown): unknown {
  return ArrayBuffer.isView(field) ? { byteLength: field.byteLength } : field;
}

/** Whether something in it is no JSON, however deep. */
function needsWords(field: unknown): boolean {
  if (typeof field === 'bigint' || ArrayBuffer.isView(field)) return true;
  return isPlain(field) && Object.values(field).some(needsWords);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
