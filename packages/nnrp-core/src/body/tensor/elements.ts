import { UsageError } from '../../errors.js';
import type { DtypeId } from '../../generated/preview3/enums.js';
import { DtypeIdName } from '../../generated/preview3/names.js';
import { shownWord } from '../../text/shown-value.js';
import { requireBytes } from '../payload/payload-data.js';

/**
 * The typed array for each element type of the protocol. JavaScript has no 8-bit floats, and 16-bit ones not
 * everywhere: these come as their bits, and {@link float32Of} gives their values.
 *
 * @see NNRP/1-preview3 section 6 (dtype_id)
 */
export interface ElementArrays {
  readonly fp16: Uint16Array;
  readonly fp32: Float32Array;
  readonly fp8_e4m3: Uint8Array;
  readonly fp8_e5m2: Uint8Array;
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
  readonly int16: Int16Array;
  readonly uint16: Uint16Array;
}

/** Name of an element type: its name on the wire. */
export type ElementType = DtypeIdName;

interface ArrayClass<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

const CLASSES: { readonly [T in ElementType]: ArrayClass<ElementArrays[T]> } = /* @__PURE__ */ Object.freeze({
  fp16: Uint16Array,
  fp32: Float32Array,
  fp8_e4m3: Uint8Array,
  fp8_e5m2: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
});
const TYPES = /* @__PURE__ */ Object.keys(CLASSES) as ElementType[];

/**
 * Bytes as the elements that they hold. Elements are little-endian, as everything in the protocol, and so are the typed
 * arrays of nearly every machine.
 *
 * @param bytes - such as a body: where it lies in its memory is chance, since several packets may share a chunk
 * @returns a view of the same memory where that is aligned to the elements; else a copy, in new memory
 * @throws UsageError for an unknown type, and for bytes that are no whole number of elements
 * @example const pixels: Float32Array = elementsOf(result.body, 'fp32');
 */
export function elementsOf<T extends ElementType>(bytes: ArrayBufferView | ArrayBuffer, type: T): ElementArrays[T] {
  const size = elementBytes(type);
  const given = requireBytes(bytes, 'elements');
  if (given.length % size !== 0) {
    throw new UsageError(
      `elements: ${given.length} bytes are no whole number of ${type}, which takes ${size} bytes each`,
    );
  }
  // A constructor that is given a typed array copies its elements into new memory, which is aligned.
  const aligned = given.byteOffset % size === 0 ? given : new Uint8Array(given);
  return new CLASSES[type](aligned.buffer, aligned.byteOffset, aligned.length / size);
}

/** Bytes of one element. @throws UsageError for an unknown type */
export function elementBytes(type: ElementType): number {
  if (typeof type === 'string' && Object.hasOwn(CLASSES, type)) return CLASSES[type].BYTES_PER_ELEMENT;
  throw new UsageError(`element type: expected ${TYPES.join(', ')}, got ${shownWord(type)}`);
}

/**
 * The values of elements of any type.
 *
 * @param bytes - the elements as they are on the wire
 * @returns a new array, unless they are fp32: then what {@link elementsOf} gives
 * @throws UsageError as elementsOf does
 */
export function float32Of(bytes: ArrayBufferView | ArrayBuffer, type: ElementType): Float32Array {
  const elements = elementsOf(bytes, type);
  switch (type) {
    case 'fp32':
      return elements as Float32Array;
    case 'fp16':
      return Float32Array.from(elements, halfValue);
    case 'fp8_e5m2':
      // The upper half of an fp16.
      return Float32Array.from(elements, (bits) => halfValue(bits << 8));
    case 'fp8_e4m3':
      return Float32Array.from(elements, e4m3Value);
    default:
      return Float32Array.from(elements);
  }
}

/** The name of a dtype_id; undefined for one that the protocol does not know. */
export function elementTypeOf(dtypeId: number): ElementType | undefined {
  return (DtypeIdName as Readonly<Record<number, ElementType | undefined>>)[dtypeId];
}

/** The dtype_id of a type. */
export function dtypeIdOf(type: ElementType): DtypeId {
  const [id] = Object.entries(DtypeIdName).find(([, name]) => name === type) ?? [];
  return Number(id) as DtypeId;
}

/** Element types by the class of a typed array, by its name: that of another realm is another class. */
const TYPE_OF_CLASS: Readonly<Record<string, ElementType | undefined>> = /* @__PURE__ */ Object.freeze({
  Float16Array: 'fp16',
  Float32Array: 'fp32',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int16',
  Uint16Array: 'uint16',
});

/**
 * The type of the elements of a typed array. The bits of fp16 may come in a Uint16Array, and any type as plain bytes.
 *
 * @param wanted - what the caller says it is
 * @throws UsageError where the protocol has no such type, and where the array is of another type than is said
 */
export function typeOfArray(data: ArrayBufferView, wanted: ElementType | undefined, what: string): ElementType {
  const name = Object.prototype.toString.call(data).slice('[object '.length, -1);
  const own = TYPE_OF_CLASS[name];
  if (wanted === undefined) {
    if (own !== undefined) return own;
    throw new UsageError(
      `${what}: the protocol has no element type for a ${name}; expected a Float32Array, Int8Array, Uint8Array, Int16Array or Uint16Array, or a dtype`,
    );
  }
  elementBytes(wanted);
  const isPlain = name === 'Uint8Array' || name === 'DataView' || (name === 'Uint16Array' && wanted === 'fp16');
  if (isPlain || own === wanted) return wanted;
  throw new UsageError(`${what}: a ${name} does not hold ${wanted}; pass it as the bytes of a Uint8Array`);
}

/** IEEE 754 binary16. */
function halfValue(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The 8-bit float of the Open Compute Project with a range up to 448: it has one NaN of each sign and no infinity. */
function e4m3Value(bits: number): number {
  const sign = (bits & 0x80) === 0 ? 1 : -1;
  const exponent = (bits >> 3) & 0x0f;
  const fraction = bits & 0x07;
  if (exponent === 0x0f && fraction === 0x07) return Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7));
}
