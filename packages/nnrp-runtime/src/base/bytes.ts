import { types } from '../platform/platform.js';

/** No bytes. Never handed to an application, which could transfer its memory away. */
export const EMPTY_BYTES = new Uint8Array(0);

/** Parts behind each other; one part alone is not copied. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const filled = parts.filter((part) => part.length > 0);
  const [only] = filled;
  if (filled.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(filled.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of filled) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A view of the same bytes by which numbers are read and written. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Of the language itself: a property of the same name on the object, or of a subclass, may say anything. */
interface ViewGetters {
  readonly buffer: () => ArrayBufferLike;
  readonly byteOffset: () => number;
  readonly byteLength: () => number;
}

const TYPED_ARRAY: object = Object.getPrototypeOf(Uint8Array.prototype);
const OF_TYPED_ARRAYS = gettersOf(TYPED_ARRAY);
const OF_DATA_VIEWS = gettersOf(DataView.prototype);
const lengthOf = getter<number>(TYPED_ARRAY, 'length');

/**
 * Bytes in any form and of any realm as a Uint8Array over the same memory, not copied. Shared memory alone is no bytes yet:
 * a caller that means it passes a view.
 * @returns undefined when it is neither a view nor a buffer
 */
export function asBytes(value: unknown): Uint8Array | undefined {
  // A property of its own of every realm: instanceof knows the classes of one realm only.
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = gettersFor(value);
    return new Uint8Array(buffer.call(value), byteOffset.call(value), byteLength.call(value));
  }
  return types.isArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

/** The memory that a view lies in, whatever its own properties say. */
export function memoryOf(view: ArrayBufferView): ArrayBufferLike {
  return gettersFor(view).buffer.call(view);
}

/** How many bytes there are, whatever a subclass says, or says by now. */
export function trueLength(bytes: Uint8Array): number {
  return lengthOf.call(bytes);
}

/** Whether `length` is what it seems to be. @returns false also for what only inherits from Uint8Array */
export function hasItsLength(bytes: Uint8Array): boolean {
  try {
    // In this order the engine knows the class by the time of the call, and makes none.
    return bytes.length === lengthOf.call(bytes);
  } catch {
    return false;
  }
}

/** The same for all that says where the bytes of a typed array lie. */
export function liesWhereItSays(bytes: Uint8Array): boolean {
  return (
    OF_TYPED_ARRAYS.buffer.call(bytes) === bytes.buffer &&
    OF_TYPED_ARRAYS.byteOffset.call(bytes) === bytes.byteOffset &&
    OF_TYPED_ARRAYS.byteLength.call(bytes) === bytes.byteLength
  );
}

function gettersFor(view: ArrayBufferView): ViewGetters {
  return types.isDataView(view) ? OF_DATA_VIEWS : OF_TYPED_ARRAYS;
}

function gettersOf(prototype: object): ViewGetters {
  return {
    buffer: getter(prototype, 'buffer'),
    byteOffset: getter(prototype, 'byteOffset'),
    byteLength: getter(prototype, 'byteLength'),
  };
}

function getter<Value>(prototype: object, name: string): () => Value {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as () => Value;
}
