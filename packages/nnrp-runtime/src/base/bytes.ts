import { types } from 'node:util';

/**
 * Bytes in any form and of any realm as a Uint8Array over the same memory, not copied. Shared memory alone is no bytes yet:
 * whoever means it says so by a view.
 * @returns undefined when it is neither a view nor a buffer
 */
export function asBytes(value: unknown): Uint8Array | undefined {
  // A property of its own of every realm: instanceof knows the classes of one realm only.
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return types.isArrayBuffer(value) ? new Uint8Array(value) : undefined;
}
