import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../../test/fault-of.js';
import {
  CacheObjectKind,
  DtypeId,
  LayoutId,
  PayloadKind,
  SubmitMode,
  TileIndexMode,
} from '../../../generated/preview4/enums.js';
import { decodeBody } from '../regions.js';
import { decodeTensors, encodeTensorSubmit } from '../tensors.js';
import { buildTensorSubmit, type TensorSubmitRequest } from './tensor-submit.js';
import { buildTokenSubmit, buildTypedSubmit } from './typed-submit.js';

const IDS = { operationId: 7n, frameId: 9 };
const bytes = (text: string) => new TextEncoder().encode(text);
const reference = (objectKind: CacheObjectKind) => ({ objectKind, cacheNamespace: 1, cacheKeyHi: 5n, cacheKeyLo: 6n });
const section = (roleId: number, tiles: readonly string[], more: object = {}) => ({
  roleId,
  codecId: 0,
  dtypeId: 5,
  layoutId: 0,
  scalePolicy: 0,
  elementCountPerTile: 1,
  tilePayloads: tiles.map(bytes),
  ...more,
});
const tensors = (change: Partial<TensorSubmitRequest> = {}) =>
  buildTensorSubmit({ ...IDS, tileIds: [0, 1], sections: [section(1, ['a', 'b'])], ...change });
const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });

describe('a submit that is built', () => {
  it('needs both of its ids', () => {
    const chunks = [{ payload: bytes('a') }];
    for (const ids of [
      { operationId: 0n, frameId: 9 },
      { operationId: 7n, frameId: 0 },
    ]) {
      expect(faultOf(() => buildTokenSubmit({ ...ids, chunks }))).toEqual(rule('SUB-1'));
      expect(faultOf(() => tensors(ids))).toEqual(rule('SUB-1'));
    }
  });

  it('of payloads has 1 to 65535 of them, none of which is a tensor or of its profile', () => {
    const one = {
      profileId: 0,
      payloadKind: PayloadKind.OpaqueBytes,
      descriptorFlags: 0,
      schemaId: 0,
      schemaVersion: 0,
      streamSemantics: 0,
      payload: bytes('x'),
    };
    const typed = (...payloads: (typeof one | object)[]) =>
      buildTypedSubmit({ ...IDS, payloads: payloads as (typeof one)[] });
    const many = Array.from({ length: 0x1_0000 }, () => one);
    expect(faultOf(() => typed(...many))).toEqual(rule('SUB-2'));
    expect(faultOf(() => typed())).toEqual(rule('SUB-2'));
    expect(faultOf(() => typed({ ...one, payloadKind: PayloadKind.Tensor }))).toEqual(rule('TPR-8'));
    expect(faultOf(() => typed({ ...one, profileId: 1 }))).toEqual(rule('TPR-3'));
    expect(faultOf(() => typed({ ...one, payloadKind: PayloadKind.TokenChunk }))).toEqual(rule('TPR-4'));
    const { metadata, body } = typed(one, { ...one, payloadKind: PayloadKind.StructuredEvent });
    expect([metadata.payloadKindBitmap, metadata.payloadFrameCount]).toEqual([0x50, 2]);
    expect(decodeBody(body, metadata).typedPayloads).toHaveLength(2);
  });

  it('of tensors has each object in the body, in the cache, or in both places', () => {
    const references = {
      camera: reference(CacheObjectKind.CameraBlock),
      tileIndex: reference(CacheObjectKind.TileIndexBlock),
      sectionTable: reference(CacheObjectKind.TensorSectionTable),
    };
    const all = tensors({ references, camera: bytes('camera') });
    expect(all.metadata).toMatchObject({ submitMode: SubmitMode.Reference, objectRefMask: 7, cameraBytes: 0 });
    expect(decodeBody(all.body, all.metadata)).toMatchObject({ inlineObjects: [], objectReferences: [{}, {}, {}] });
    const none = tensors({ camera: bytes('camera') });
    expect(none.metadata).toMatchObject({ submitMode: SubmitMode.Inline, objectRefMask: 0, cameraBytes: 6 });
    expect(decodeBody(none.body, none.metadata).inlineObjects.map(({ header }) => header.objectKind)).toEqual([
      1, 2, 3,
    ]);
    for (const [name, other] of [
      ['camera', references.tileIndex],
      ['tileIndex', references.camera],
      ['sectionTable', references.camera],
    ] as const) {
      expect(faultOf(() => tensors({ references: { [name]: other } }))).toEqual(rule('SUB-3'));
    }
  });

  it('of tensors refuses tiles that do not stand as their index wants them', () => {
    const mode = (tileIndexMode: TileIndexMode, ...tileIds: number[]) =>
      faultOf(() => tensors({ tileIndexMode, tileIds, sections: [] }));
    expect(mode(TileIndexMode.DenseRange, 1, 2)).toEqual(rule('TILE-1'));
    expect(mode(TileIndexMode.DeltaU16, 5, 5)).toEqual(rule('TILE-2'));
    expect(mode(TileIndexMode.Bitset, 5, 4)).toEqual(rule('TILE-3'));
    expect(() => tensors({ tileIds: [0, 65536] })).toThrow('tileIds: expected u16 numbers, got 65536');
  });

  it('of tensors refuses sections that do not fit their tiles', () => {
    const refused = (...sections: ReturnType<typeof section>[]) => faultOf(() => tensors({ sections }));
    expect(refused(section(2, ['a', 'b']), section(1, ['a', 'b']))).toEqual(rule('TSEC-5'));
    expect(refused(section(1, ['a']))).toEqual(rule('TSEC-8'));
    expect(refused(section(1, ['a', 'b'], { codecIds: [1, 2, 3] }))).toEqual(rule('TSEC-9'));
    expect(refused(section(1, ['a', 'bcd'], { payloadStrideBytes: 2 }))).toEqual(rule('TSEC-10'));
  });

  it('of tensors is what decodeTensors reads, and what encodeTensorSubmit writes for whole tensors', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const short = encodeTensorSubmit({ data, shape: [2, 2] });
    const long = tensors({
      tileIndexMode: TileIndexMode.DenseRange,
      sections: [
        {
          ...section(0, []),
          dtypeId: DtypeId.Fp32,
          layoutId: LayoutId.Nchw,
          elementCountPerTile: 2,
          tilePayloads: [new Uint8Array(data.buffer, 0, 8), new Uint8Array(data.buffer, 8, 8)],
          payloadStrideBytes: 8,
        },
      ],
    });
    expect(joined(short.body)).toEqual(long.body);
    expect(decodeTensors(long.body, long.metadata)).toHaveLength(1);
  });

  it('refuses options that there are not', () => {
    expect(() => tensors({ tileIdz: [] } as object)).toThrow("submit: there is no option 'tileIdz'");
    expect(() => tensors({ policy: { latency: 1 } as object })).toThrow("policy: there is no option 'latency'");
    expect(() => tensors({ sections: [section(1, ['a', 'b'], { stride: 1 })] })).toThrow(
      "section 0: there is no option 'stride'",
    );
    expect(() => buildTokenSubmit({ ...IDS, chunks: [bytes('a')] as never })).toThrow('chunk 0: expected options');
    expect(() => tensors({ frameId: -1 })).toThrow('submit: frameId takes a u32, got -1');
  });
});

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}
