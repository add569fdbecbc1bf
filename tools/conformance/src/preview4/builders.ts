import {
  type BuiltSubmit,
  buildTensorSubmit,
  buildTokenSubmit,
  buildTypedSubmit,
  encodeFrameSubmit,
  FRAME_SUBMIT_BYTES,
  type ObjectReferenceBlock,
  type PayloadKind,
  type SubmitRequest,
  type TensorSubmitRequest,
} from 'nnrp-core/preview4';
import { bytesOf, hexOf } from '../golden-vectors.js';
import { faultIn, type NamedVector } from './named-vector.js';

interface PolicyInput {
  readonly frame_class: number;
  readonly latency_budget_ms: number;
  readonly target_fps_x100: number;
  readonly retry_of_frame: number;
  readonly budget_policy: number;
  readonly loss_tolerance_policy: 0 | 1 | 2 | 3 | 255;
  readonly dependency_frame_id: number;
}

interface RequestInput {
  readonly operation_id: string;
  readonly frame_id: number;
  readonly policy: PolicyInput;
}

interface ReferenceInput {
  readonly object_kind: ObjectReferenceBlock['objectKind'];
  readonly cache_namespace: number;
  readonly cache_key_hi: string;
  readonly cache_key_lo: string;
}

interface TokenInput extends RequestInput {
  readonly chunks: readonly { readonly payload_hex: string; readonly descriptor_flags: number }[];
}

interface TypedInput extends RequestInput {
  readonly frames: readonly {
    readonly profile_id: number;
    readonly payload_kind: PayloadKind;
    readonly descriptor_flags: number;
    readonly schema_id: number;
    readonly schema_version: number;
    readonly stream_semantics: number;
    readonly payload_hex: string;
  }[];
}

interface TensorInput extends RequestInput {
  readonly src_width: number;
  readonly src_height: number;
  readonly tile_width: number;
  readonly tile_height: number;
  readonly tile_ids: readonly number[];
  readonly sections: readonly {
    readonly role_id: number;
    readonly default_codec_id: number;
    readonly dtype_id: number;
    readonly layout_id: number;
    readonly scale_policy: number;
    readonly element_count_per_tile: number;
    readonly tile_payloads_hex: readonly string[];
    readonly codec_ids: readonly number[];
    readonly payload_stride_bytes: number;
  }[];
  readonly camera_hex: string;
  readonly input_profile: 0 | 1 | 2;
  readonly tile_index_mode: 0 | 1 | 2 | 3;
  readonly tile_base_id: number;
  readonly references: Readonly<Record<'camera' | 'tile_index' | 'tensor_section_table', ReferenceInput | null>>;
}

/** The input of a submit builder and its exact bytes, or the fault. */
export type BuilderVector = NamedVector & {
  readonly metadata_hex?: string;
  readonly body_hex?: string;
  readonly expect_error?: object;
} & (
    | { readonly builder: 'token'; readonly input: TokenInput }
    | { readonly builder: 'typed'; readonly input: TypedInput }
    | { readonly builder: 'tensor'; readonly input: TensorInput }
  );

/** What the vector says. */
export function expectedOfBuilder({ metadata_hex, body_hex, expect_error }: BuilderVector): unknown {
  return expect_error ?? { metadata_hex, body_hex };
}

/** What our builders make of it. */
export function runBuilder(vector: BuilderVector): unknown {
  let built: BuiltSubmit | undefined;
  const fault = faultIn(() => {
    built = build(vector);
  });
  if (built === undefined) return fault;
  const metadata = new Uint8Array(FRAME_SUBMIT_BYTES);
  encodeFrameSubmit(built.metadata, new DataView(metadata.buffer));
  return { metadata_hex: hexOf(metadata), body_hex: hexOf(built.body) };
}

function build(vector: BuilderVector): BuiltSubmit {
  const request = requestOf(vector.input);
  switch (vector.builder) {
    case 'token':
      return buildTokenSubmit({
        ...request,
        chunks: vector.input.chunks.map(({ payload_hex, descriptor_flags }) => ({
          payload: bytesOf(payload_hex),
          descriptorFlags: descriptor_flags,
        })),
      });
    case 'typed':
      return buildTypedSubmit({
        ...request,
        payloads: vector.input.frames.map((frame) => ({
          profileId: frame.profile_id,
          payloadKind: frame.payload_kind,
          descriptorFlags: frame.descriptor_flags,
          schemaId: frame.schema_id,
          schemaVersion: frame.schema_version,
          streamSemantics: frame.stream_semantics,
          payload: bytesOf(frame.payload_hex),
        })),
      });
    case 'tensor':
      return buildTensorSubmit({ ...request, ...tensorsOf(vector.input) });
  }
}

function requestOf({ operation_id, frame_id, policy }: RequestInput): SubmitRequest {
  return {
    operationId: BigInt(operation_id),
    frameId: frame_id,
    policy: {
      frameClass: policy.frame_class,
      latencyBudgetMs: policy.latency_budget_ms,
      targetFpsX100: policy.target_fps_x100,
      retryOfFrame: policy.retry_of_frame,
      budgetPolicy: policy.budget_policy,
      lossTolerancePolicy: policy.loss_tolerance_policy,
      dependencyFrameId: policy.dependency_frame_id,
    },
  };
}

function tensorsOf(input: TensorInput): Omit<TensorSubmitRequest, keyof SubmitRequest> {
  return {
    srcWidth: input.src_width,
    srcHeight: input.src_height,
    tileWidth: input.tile_width,
    tileHeight: input.tile_height,
    inputProfile: input.input_profile,
    tileIndexMode: input.tile_index_mode,
    tileBaseId: input.tile_base_id,
    tileIds: input.tile_ids,
    camera: bytesOf(input.camera_hex),
    references: {
      camera: referenceOf(input.references.camera),
      tileIndex: referenceOf(input.references.tile_index),
      sectionTable: referenceOf(input.references.tensor_section_table),
    },
    sections: input.sections.map((section) => ({
      roleId: section.role_id,
      codecId: section.default_codec_id,
      dtypeId: section.dtype_id,
      layoutId: section.layout_id,
      scalePolicy: section.scale_policy,
      elementCountPerTile: section.element_count_per_tile,
      tilePayloads: section.tile_payloads_hex.map(bytesOf),
      codecIds: section.codec_ids,
      payloadStrideBytes: section.payload_stride_bytes,
    })),
  };
}

function referenceOf(reference: ReferenceInput | null): ObjectReferenceBlock | undefined {
  if (reference === null) return undefined;
  return {
    objectKind: reference.object_kind,
    cacheNamespace: reference.cache_namespace,
    cacheKeyHi: BigInt(reference.cache_key_hi),
    cacheKeyLo: BigInt(reference.cache_key_lo),
  };
}
