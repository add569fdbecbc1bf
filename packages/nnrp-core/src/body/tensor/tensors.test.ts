import { describe, expect, expectTypeOf, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import { viewOf } from '../../bytes/view-of.js';
import { UsageError } from '../../errors.js';
import { CacheObjectKind, DtypeId, ProfileId } from '../../generated/preview3/enums.js';
import { PayloadKindFlags } from '../../generated/preview3/flags.js';
import { TENSOR_SECTION_DESCRIPTOR_OFFSETS as AT } from '../../generated/preview3/tensor-section-descriptor.js';
import { joinBody } from '../payload/payload-data.js';
import { checkBody, decodeBody, encodeBody } from '../region/body-regions.js';
import type { ElementType } from './elements.js';
import { encodeTensorResult, encodeTensorSubmit, type TensorInput } from './tensor-body.js';
import { decodeTensors, type TensorContext } from './tensor-reader.js';

/** Where the first section starts: prelude and the header of the inline object stand before it. */
const SECTION = 32 + 16;

const counting = (length: number) => Float32Array.from({ length }, (_, index) => index / 4);

/** The body at a place in memory that is `offset` bytes from an aligned one, as when requests are pipelined. */
function placed(chunks: readonly Uint8Array[], offset: number): Uint8Array {
  const body = joinBody(chunks);
  const memory = new Uint8Array(body.length + 16);
  memory.set(body, offset);
  return memory.subarray(offset, offset + body.length);
}

describe('a tensor', () => {
  it.each([0, 1, 2, 3, 4])('of an image comes back from a body that is %i bytes out of line', (offset) => {
    const data = counting(3 * 4 * 5);
    const { body, metadata } = encodeTensorSubmit({ data, shape: [3, 4, 5] });
    const received = placed(body, offset);
    const [tensor, ...more] = decodeTensors(received, metadata);
    expect(more).toEqual([]);
    expect([tensor?.dtype, tensor?.shape, tensor?.roleId]).toEqual(['fp32', [1, 3, 4, 5], 0]);
    const elements = tensor!.elements('fp32');
    expectTypeOf(elements).toEqualTypeOf<Float32Array>();
    expect(elements).toEqual(data);
    expect(elements.buffer === received.buffer).toBe(offset % 4 === 0);
    expect(tensor?.bytes.buffer).toBe(received.buffer);
  });

  it('says in the metadata what it is', () => {
    const image: TensorInput = { data: counting(2 * 3 * 4 * 5), shape: [2, 4, 5, 3], layout: 'nhwc', roleId: 9 };
    const counts = { payloadKindBitmap: PayloadKindFlags.Tensor, payloadFrameCount: 0, sectionCount: 1, tileCount: 2 };
    const { body, metadata } = encodeTensorSubmit(image);
    expect(metadata).toEqual({ ...counts, tileWidth: 5, tileHeight: 4, srcWidth: 5, srcHeight: 4 });
    const [tensor] = decodeTensors(joinBody(body), metadata);
    expect([tensor?.shape, tensor?.roleId]).toEqual([[2, 4, 5, 3], 9]);
    expect(tensor?.descriptor).toMatchObject({ elementCountPerTile: 60, payloadBytes: 480, payloadStrideBytes: 240 });
    const result = encodeTensorResult(image);
    expect(result.metadata).toEqual({ ...counts, coveredTileCount: 2, activeProfileId: ProfileId.Tensor });
    // RESULT_PUSH has no width and height.
    expect(decodeTensors(joinBody(result.body), result.metadata)[0]?.shape).toEqual([2, 60]);
  });

  it('is one inline object of the section table, as the codecs of regions write it', () => {
    const { body, metadata } = encodeTensorResult({ data: Int8Array.of(1, 2, 3), shape: [3] });
    const whole = joinBody(body);
    const { inlineObjects } = decodeBody(whole, metadata);
    expect(inlineObjects.map(({ header }) => header)).toEqual([
      { objectKind: CacheObjectKind.TensorSectionTable, profileId: ProfileId.Tensor, objectBytes: 35 },
    ]);
    expect(whole).toEqual(encodeBody({ inlineObjects }, metadata));
  });

  it.each([
    ['fp16', Uint16Array.of(0x3c00, 0x4000)],
    ['fp32', Float32Array.of(1, 2)],
    ['fp8_e4m3', Uint8Array.of(0x38, 0x40)],
    ['fp8_e5m2', Uint8Array.of(0x3c, 0x40)],
    ['int8', Int8Array.of(1, 2)],
    ['uint8', Uint8Array.of(1, 2)],
    ['int16', Int16Array.of(1, 2)],
    ['uint16', Uint16Array.of(1, 2)],
  ] as const)('may be of %s', (dtype, data) => {
    const { body, metadata } = encodeTensorResult({ data, dtype, shape: [2] });
    const [tensor] = decodeTensors(placed(body, 3), metadata);
    expect(tensor?.dtype).toBe(dtype);
    expect(tensor?.elements<ElementType>(dtype)).toEqual(data);
    expect([...tensor!.float32()]).toEqual([1, 2]);
  });

  it('is not copied when it is long', () => {
    const data = counting(3 * 224 * 224);
    const { body } = encodeTensorSubmit({ data, shape: [3, 224, 224] });
    expect(body.map(({ length }) => length)).toEqual([80, 602112]);
    expect(body[1]?.buffer).toBe(data.buffer);
  });

  it('stands beside others, each on a multiple of 8', () => {
    const { body, metadata } = encodeTensorSubmit([
      { data: counting(2 * 16), shape: [2, 1, 4, 4] },
      { data: Int8Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] },
      { data: Uint8Array.of(7, 8), shape: [2, 1], roleId: 40 },
    ]);
    const whole = joinBody(body);
    expect(checkBody(whole, metadata)).toBeUndefined();
    const tensors = decodeTensors(whole, metadata);
    expect(tensors.map(({ shape, roleId }) => [shape, roleId])).toEqual([
      [[2, 1, 4, 4], 0],
      [[2, 3], 1],
      [[2, 1], 40],
    ]);
    expect(tensors.map(({ bytes }) => (bytes.byteOffset - whole.byteOffset - 32) % 8)).toEqual([0, 0, 0]);
    expect([...tensors[2]!.elements('uint8')]).toEqual([7, 8]);
  });
});

describe('what is no tensor is refused', () => {
  const data = counting(6);

  it.each([
    ['no shape', { data } as never, 'tensor 0: shape takes 1 to 4 sizes, whole numbers from 1, got undefined'],
    ['a shape of other data', { data, shape: [2, 2] }, 'the shape [2, 2] of fp32 takes 16 bytes, and data has 24'],
    ['a size of 0', { data, shape: [0, 6] }, 'whole numbers from 1, got [0, 6]'],
    ['a size that is no number', { data, shape: ['6'] as never }, 'shape takes'],
    ['sizes that cannot be made text', { data, shape: [Object.create(null)] as never }, 'from 1, got [an object]'],
    ['a secret for a size', { data, shape: ['secret'] as never }, 'from 1, got [a string]'],
    ['five dimensions', { data, shape: [1, 1, 1, 2, 3] }, 'shape takes 1 to 4 sizes'],
    ['too many tiles', { data: new Uint8Array(65536), shape: [65536, 1] }, 'tiles, width and height are at most 65535'],
    ['a wide image', { data: new Uint8Array(65536), shape: [1, 1, 65536] }, 'got the shape [1, 1, 65536]'],
    ['data alone', data as never, 'expected { data, shape }, got 24 bytes'],
    ['a list of numbers', { data: [1, 2] as never, shape: [2] }, 'data takes a typed array, got [1, 2]'],
    ['doubles', { data: new Float64Array(6), shape: [6] }, 'no element type for a Float64Array'],
    ['another type than said', { data, shape: [6], dtype: 'int8' }, 'a Float32Array does not hold int8'],
    ['a type that is none', { data, shape: [6], dtype: 'float' as never }, 'expected fp16, fp32'],
    ['a layout that is none', { data, shape: [6], layout: 'chw' as never }, "layout takes nchw or nhwc, got 'chw'"],
    ['a role that is none', { data, shape: [6], roleId: -1 }, 'roleId takes a u16, got -1'],
    ['a wrong option', { data, shape: [6], type: 'fp32' } as never, "there is no option 'type'"],
    ['no tensor at all', [] as never, 'tensors: expected 1 to 65535 of them, got 0'],
    ['undefined', undefined as never, 'tensor 0: expected { data, shape }, got undefined'],
  ] satisfies [string, TensorInput | TensorInput[], string][])('%s', (_, tensor, text) => {
    expect(() => encodeTensorSubmit(tensor)).toThrow(UsageError);
    expect(() => encodeTensorResult(tensor)).toThrow(text);
  });

  it('sections that do not fit together', () => {
    const one: TensorInput = { data, shape: [1, 2, 3] };
    expect(() => encodeTensorSubmit([one, { data, shape: [2, 3] }])).toThrow(
      'tensor 1: has 2 tiles, and the first has 1',
    );
    expect(() => encodeTensorSubmit([one, { data, shape: [1, 3, 2] }])).toThrow(
      'tensor 1: is 2 x 3, and another is 3 x 2',
    );
    expect(() => encodeTensorSubmit([{ ...one, roleId: 1 }, one])).toThrow(
      'roleId must be higher than 1 before it, got 1',
    );
  });
});

describe('a body of tensors that is wrong', () => {
  const { body, metadata } = encodeTensorSubmit({ data: counting(6), shape: [6] });
  const whole = joinBody(body);
  const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
  const changed = (offset: number, value: number) => {
    const bytes = whole.slice();
    viewOf(bytes).setUint32(SECTION + offset, value, true);
    return bytes;
  };

  it.each<[string, Uint8Array, Partial<TensorContext>, object]>([
    ['a section that is cut off', changed(AT.payloadBytes, 4096), {}, rule('TENSOR-1')],
    ['a table that ends in a descriptor', changed(AT.payloadBytes, 8), {}, rule('TENSOR-2')],
    ['other elements than the payload has', changed(AT.elementCountPerTile, 7), {}, rule('TENSOR-2')],
    ['another number of sections', whole, { sectionCount: 2 }, rule('TENSOR-3')],
    ['no section at all', whole, { sectionCount: 0 }, rule('TENSOR-3')],
    ['another number of tiles', whole, { tileCount: 2 }, rule('TENSOR-2')],
    [
      'a reserved field',
      changed(28, 1),
      {},
      { kind: 'nonzero_reserved_field', field: 'tensor_section_descriptor.reserved' },
    ],
    ['a prelude that is cut off', whole.subarray(0, 31), {}, { kind: 'source_too_short', expected: 32, actual: 31 }],
  ])('has %s', (_, bytes, context, fault) => {
    expect(faultOf(() => decodeTensors(bytes, { ...metadata, ...context }))).toEqual(fault);
  });

  it('is refused as elements of another type, of a codec, and of tiles with gaps, and its bytes are there', () => {
    const read = (bytes: Uint8Array) => decodeTensors(bytes, metadata)[0]!;
    expect(() => read(whole).elements('int8')).toThrow('tensor 0: expected int8, got fp32');
    const packed = whole.slice();
    packed[SECTION + AT.codecId] = 1;
    expect(() => read(packed).elements('fp32')).toThrow('has the codec lz4, so it is no plain list of elements');
    expect(() => read(changed(AT.payloadStrideBytes, 32)).float32()).toThrow('a tile every 32 bytes');
    const unknown = whole.slice();
    unknown[SECTION + AT.dtypeId] = 77;
    expect(read(unknown).dtype).toBeUndefined();
    expect(() => read(unknown).float32()).toThrow('dtype_id 77 is not known');
    expect(read(unknown).bytes).toHaveLength(24);
    expect(() => read(unknown).elements('fp32')).toThrow(UsageError);
    expect(DtypeId.Fp32).toBe(1);
  });
});
