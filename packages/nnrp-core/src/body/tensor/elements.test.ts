import { runInNewContext } from 'node:vm';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { UsageError } from '../../errors.js';
import { CACHE_PUT_BYTES, encodeCachePut } from '../../generated/preview3/cache-put.js';
import { MessageType } from '../../generated/preview3/enums.js';
import { DtypeIdName } from '../../generated/preview3/names.js';
import { buildPacket } from '../../packet/packet-builder.js';
import { PacketSplitter } from '../../packet/packet-splitter.js';
import { joinBody } from '../payload/payload-data.js';
import {
  dtypeIdOf,
  type ElementType,
  elementBytes,
  elementsOf,
  elementTypeOf,
  float32Of,
  typeOfArray,
} from './elements.js';

/** The bytes of a view at a place in memory that is `offset` bytes from an aligned one. */
function placed(source: ArrayBufferView, offset: number): Uint8Array {
  const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const memory = new Uint8Array(bytes.length + 16);
  memory.set(bytes, offset);
  return memory.subarray(offset, offset + bytes.length);
}

const SAMPLES = {
  fp16: Uint16Array.of(0x3c00, 0xc000, 0x7bff),
  fp32: Float32Array.of(1.5, -2.25, 3e30),
  fp8_e4m3: Uint8Array.of(0x38, 0xc0, 0x7e),
  fp8_e5m2: Uint8Array.of(0x3c, 0xc0, 0x7b),
  int8: Int8Array.of(1, -2, 127),
  uint8: Uint8Array.of(1, 2, 255),
  int16: Int16Array.of(1, -2, 32767),
  uint16: Uint16Array.of(1, 2, 65535),
} as const;
const types = Object.keys(SAMPLES) as ElementType[];

describe('bytes as elements', () => {
  it('are known for every type of the protocol, with its id', () => {
    expect([...types].sort()).toEqual(Object.values(DtypeIdName).sort());
    for (const type of types) {
      expect(elementTypeOf(dtypeIdOf(type))).toBe(type);
      expect(elementBytes(type)).toBe(SAMPLES[type].BYTES_PER_ELEMENT);
    }
    expect(elementTypeOf(99)).toBeUndefined();
  });

  it.each(types)('of %s are right at every place in memory: views where they are aligned, else copies', (type) => {
    const size = elementBytes(type);
    for (let offset = 0; offset < 8; offset++) {
      const bytes = placed(SAMPLES[type], offset);
      const elements = elementsOf(bytes, type);
      expect(elements).toEqual(SAMPLES[type]);
      expect(elements.buffer === bytes.buffer, `offset ${offset}`).toBe(offset % size === 0);
    }
  });

  it('are right in packets that arrive together, which are not aligned', () => {
    const splitter = new PacketSplitter({ maxPacketBytes: 4096 });
    const ids = { messageType: MessageType.CachePut, sessionId: 1 };
    const put = {
      cacheNamespace: 1,
      cacheKeyHi: 0,
      cacheKeyLo: 1,
      objectKind: 1,
      ttlMs: 0,
      codecBitmap: 0,
      flags: 0,
    } as const;
    const metadata = new Uint8Array(CACHE_PUT_BYTES);
    const packets = Array.from({ length: 8 }, (_, index) => {
      // The odd ones are a byte longer than what is aligned.
      const body = index % 2 === 0 ? new Uint8Array(SAMPLES.fp32.buffer) : new Uint8Array(13);
      encodeCachePut({ ...put, objectBytes: body.length }, new DataView(metadata.buffer));
      return joinBody([...buildPacket(ids, metadata, body)]);
    });
    splitter.push(joinBody(packets));
    const bodies: Uint8Array[] = [];
    for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) bodies.push(packet.body);
    expect(splitter.fault).toBeUndefined();
    const even = bodies.filter((_, index) => index % 2 === 0);
    expect(even.map((body) => body.byteOffset % 4)).toEqual([0, 1, 2, 3]);
    for (const body of even) expect(elementsOf(body, 'fp32')).toEqual(SAMPLES.fp32);
    expect(() => new Float32Array(even[1]!.buffer, even[1]!.byteOffset, 3)).toThrow(RangeError);
  });

  it('have the class of their type', () => {
    expectTypeOf(elementsOf(new Uint8Array(4), 'fp32')).toEqualTypeOf<Float32Array>();
    expectTypeOf(elementsOf(new Uint8Array(4), 'int16')).toEqualTypeOf<Int16Array>();
    expect(elementsOf(new ArrayBuffer(8), 'fp32')).toHaveLength(2);
    expect(elementsOf(Buffer.from([1, 0]), 'uint16')).toEqual(Uint16Array.of(1));
    expect(elementsOf(new Uint8Array(0), 'fp32')).toHaveLength(0);
  });

  it('are refused where they are not whole, of no known type, or no bytes', () => {
    expect(() => elementsOf(new Uint8Array(10), 'fp32')).toThrow('10 bytes are no whole number of fp32, which takes 4');
    expect(() => elementsOf(new Uint8Array(8), 'float' as never)).toThrow('expected fp16, fp32, fp8_e4m3');
    expect(() => elementsOf(new Uint8Array(8), 'constructor' as never)).toThrow(UsageError);
    expect(() => elementsOf('text' as never, 'fp32')).toThrow('elements: expected bytes, got a string of 4 characters');
    const gone = new Float32Array(2);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(() => elementsOf(gone, 'fp32')).toThrow('elements: its memory was transferred away');
  });
});

describe('the values of elements', () => {
  it.each(types)('of %s come as a Float32Array', (type) => {
    const values = float32Of(placed(SAMPLES[type], 1), type);
    const expected: Partial<Record<ElementType, number[]>> = {
      fp16: [1, -2, 65504],
      fp8_e4m3: [1, -2, 448],
      fp8_e5m2: [1, -2, 57344],
    };
    expect([...values]).toEqual(expected[type] ?? [...SAMPLES[type]]);
  });

  it('of small floats have zeros, the smallest numbers, infinities and NaN', () => {
    const half = float32Of(Uint16Array.of(0, 0x8000, 1, 0x7c00, 0xfc00, 0x7e00), 'fp16');
    expect([...half]).toEqual([0, -0, 2 ** -24, Infinity, -Infinity, Number.NaN]);
    expect([...float32Of(Uint8Array.of(0, 0x80, 1, 0x7f, 0xff, 0x08), 'fp8_e4m3')]).toEqual([
      0,
      -0,
      2 ** -9,
      Number.NaN,
      Number.NaN,
      2 ** -6,
    ]);
    expect([...float32Of(Uint8Array.of(0, 1, 0x7c, 0xfc, 0x7d), 'fp8_e5m2')]).toEqual([
      0,
      2 ** -16,
      Infinity,
      -Infinity,
      Number.NaN,
    ]);
  });

  it('of every fp16 are those of the language, where it has them', () => {
    const Float16 = (globalThis as { Float16Array?: new (buffer: ArrayBufferLike) => Iterable<number> }).Float16Array;
    if (Float16 === undefined) return;
    const bits = Uint16Array.from({ length: 65536 }, (_, index) => index);
    expect([...float32Of(bits, 'fp16')]).toEqual([...new Float16(bits.buffer)]);
  });
});

describe('the type of an array', () => {
  it('is that of its class, of whatever realm', () => {
    expect(typeOfArray(Float32Array.of(1), undefined, 'data')).toBe('fp32');
    expect(typeOfArray(runInNewContext('new Int16Array(1)'), undefined, 'data')).toBe('int16');
    expect(typeOfArray(Buffer.alloc(1), undefined, 'data')).toBe('uint8');
    expect(typeOfArray(new Uint8ClampedArray(1), undefined, 'data')).toBe('uint8');
  });

  it('is what is said of plain bytes, and of the bits of fp16', () => {
    for (const type of types) expect(typeOfArray(new Uint8Array(8), type, 'data')).toBe(type);
    expect(typeOfArray(new Uint16Array(1), 'fp16', 'data')).toBe('fp16');
    expect(typeOfArray(new DataView(new ArrayBuffer(1)), 'fp8_e5m2', 'data')).toBe('fp8_e5m2');
  });

  it('is refused where it contradicts, and where the protocol has none', () => {
    expect(() => typeOfArray(new Float64Array(1), undefined, 'data')).toThrow('no element type for a Float64Array');
    expect(() => typeOfArray(new Float32Array(1), 'int8', 'data')).toThrow('data: a Float32Array does not hold int8');
    expect(() => typeOfArray(new Int32Array(1), 'fp32', 'data')).toThrow(UsageError);
  });
});
