/*
 * What stands in for `util.types` of Node.js: what a value is inside, of whatever realm and whatever it says. The language has
 * a getter for each that throws on anything else, but for promises.
 */

const sizeOfMap = getterOf(Map.prototype, 'size');
const sizeOfSet = getterOf(Set.prototype, 'size');
const lengthOfBuffer = getterOf(ArrayBuffer.prototype, 'byteLength');
const lengthOfView = getterOf(DataView.prototype, 'byteLength');
const lengthOfShared =
  typeof SharedArrayBuffer === 'undefined' ? undefined : getterOf(SharedArrayBuffer.prototype, 'byteLength');

export function isMap(value: unknown): boolean {
  return answers(sizeOfMap, value);
}

export function isSet(value: unknown): boolean {
  return answers(sizeOfSet, value);
}

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return answers(lengthOfBuffer, value);
}

export function isAnyArrayBuffer(value: unknown): value is ArrayBufferLike {
  return isArrayBuffer(value) || (lengthOfShared !== undefined && answers(lengthOfShared, value));
}

export function isDataView(value: unknown): value is DataView {
  return answers(lengthOfView, value);
}

export function isPromise(value: unknown): value is Promise<never> {
  return Object.prototype.toString.call(value) === '[object Promise]';
}

function getterOf(prototype: object, name: string): () => unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown;
}

function answers(getter: () => unknown, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    getter.call(value);
    return true;
  } catch {
    return false;
  }
}
