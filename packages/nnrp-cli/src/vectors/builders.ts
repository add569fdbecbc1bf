import { DEFAULT_MAX_PACKET_BYTES } from 'nnrp-core';
import {
  type BuiltSubmit,
  buildTensorSubmit,
  buildTokenSubmit,
  buildTypedSubmit,
  encodeFrameSubmit,
  FRAME_SUBMIT_BYTES,
  type ObjectReferenceBlock,
  type PayloadKind,
  type SubmitPayload,
  type SubmitRequest,
  type SubmitSection,
  type SubmitTokens,
  type TensorSubmitRequest,
} from 'nnrp-core/preview4';
import { formatHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { RequestError } from '../json/request-error.js';
import { hexAt, MAX_U8, MAX_U16, MAX_U32, type Members, membersAt, numberAt } from './members.js';

/** What `builder` takes. */
const BUILDERS = ['token', 'typed', 'tensor'] as const;
const LOSS_TOLERANCES = [0, 1, 2, 3, 255] as const;
const INHERIT_SESSION = 255;
const RAW_U16 = 1;

/**
 * Builds a submit. @param request - with `builder` and its `input`
 * @throws RequestError for what is no input, WireError for what breaks a rule
 */
export function build(request: Members): JsonObject {
  const builder = request.oneOf('builder', BUILDERS);
  const input = request.members('input');
  const built = builtBy(builder, requestOf(input), input);
  const metadata = new Uint8Array(FRAME_SUBMIT_BYTES);
  encodeFrameSubmit(built.metadata, new DataView(metadata.buffer));
  return { metadata_hex: formatHex(metadata), body_hex: formatHex(built.body) };
}

function builtBy(builder: (typeof BUILDERS)[number], request: SubmitRequest, input: Members): BuiltSubmit {
  switch (builder) {
    case 'token': {
      const chunks = input.list('chunks', membersAt(chunkOf));
      input.end();
      return buildTokenSubmit({ ...request, chunks });
    }
    case 'typed': {
      const payloads = input.list('frames', membersAt(payloadOf));
      input.end();
      return buildTypedSubmit({ ...request, payloads });
    }
    case 'tensor': {
      const tensors = tensorsOf(input);
      input.end();
      return buildTensorSubmit({ ...request, ...tensors });
    }
  }
}

function requestOf(input: Members): SubmitRequest {
  const request = { operationId: input.u64('operation_id'), frameId: input.number('frame_id', MAX_U32) };
  if (!input.has('policy')) return request;
  const policy = input.members('policy');
  const read = {
    frameClass: policy.number('frame_class', MAX_U8, 0),
    latencyBudgetMs: policy.number('latency_budget_ms', MAX_U16, 0),
    targetFpsX100: policy.number('target_fps_x100', MAX_U16, 0),
    retryOfFrame: policy.number('retry_of_frame', MAX_U32, 0),
    budgetPolicy: policy.number('budget_policy', MAX_U8, 0),
    lossTolerancePolicy: policy.oneOf('loss_tolerance_policy', LOSS_TOLERANCES, INHERIT_SESSION),
    dependencyFrameId: policy.number('dependency_frame_id', MAX_U32, 0),
  };
  policy.end();
  return { ...request, policy: read };
}

function chunkOf(chunk: Members): SubmitTokens {
  const payload = chunk.bytes('payload_hex');
  return chunk.has('descriptor_flags')
    ? { payload, descriptorFlags: chunk.number('descriptor_flags', MAX_U8) }
    : { payload };
}

function payloadOf(frame: Members): SubmitPayload {
  return {
    profileId: frame.number('profile_id', MAX_U16),
    // A kind that is none is for the builder to refuse.
    payloadKind: frame.number('payload_kind', MAX_U8) as PayloadKind,
    descriptorFlags: frame.number('descriptor_flags', MAX_U8),
    schemaId: frame.number('schema_id', MAX_U32),
    schemaVersion: frame.number('schema_version', MAX_U32),
    streamSemantics: frame.number('stream_semantics', MAX_U16),
    payload: frame.bytes('payload_hex'),
  };
}

function tensorsOf(input: Members): Omit<TensorSubmitRequest, keyof SubmitRequest> {
  const references = input.has('references') ? referencesOf(input.members('references')) : {};
  const tileIds = input.list('tile_ids', numberAt(MAX_U32));
  const sections = input.list('sections', membersAt(sectionOf));
  const strides = sections.reduce((sum, { payloadStrideBytes = 0 }) => sum + payloadStrideBytes, 0);
  if (strides * tileIds.length > DEFAULT_MAX_PACKET_BYTES) {
    const message = `sections: strides of ${strides} bytes for ${tileIds.length} tiles are more than a packet holds (${DEFAULT_MAX_PACKET_BYTES})`;
    throw new RequestError({ kind: 'bad_request', message });
  }
  return {
    srcWidth: input.number('src_width', MAX_U16, 0),
    srcHeight: input.number('src_height', MAX_U16, 0),
    tileWidth: input.number('tile_width', MAX_U16, 0),
    tileHeight: input.number('tile_height', MAX_U16, 0),
    inputProfile: input.oneOf('input_profile', [0, 1, 2] as const, 0),
    tileIndexMode: input.oneOf('tile_index_mode', [0, 1, 2, 3] as const, RAW_U16),
    tileBaseId: input.number('tile_base_id', MAX_U32, 0),
    tileIds,
    camera: input.has('camera_hex') ? input.bytes('camera_hex') : new Uint8Array(0),
    references,
    sections,
  };
}

function referencesOf(references: Members): NonNullable<TensorSubmitRequest['references']> {
  const read = {
    camera: referenceOf(references, 'camera'),
    tileIndex: referenceOf(references, 'tile_index'),
    sectionTable: referenceOf(references, 'tensor_section_table'),
  };
  references.end();
  return read;
}

function referenceOf(references: Members, name: string): ObjectReferenceBlock | undefined {
  if (!references.has(name)) return undefined;
  const block = references.members(name);
  const read = {
    // A kind that is none, or that of another slot, is for the builder to refuse.
    objectKind: block.number('object_kind', MAX_U16) as ObjectReferenceBlock['objectKind'],
    cacheNamespace: block.number('cache_namespace', MAX_U32),
    cacheKeyHi: block.u64('cache_key_hi'),
    cacheKeyLo: block.u64('cache_key_lo'),
  };
  block.end();
  return read;
}

function sectionOf(section: Members): SubmitSection {
  return {
    roleId: section.number('role_id', MAX_U16),
    codecId: section.number('default_codec_id', MAX_U16),
    dtypeId: section.number('dtype_id', MAX_U16),
    layoutId: section.number('layout_id', MAX_U16),
    scalePolicy: section.number('scale_policy', MAX_U16),
    elementCountPerTile: section.number('element_count_per_tile', MAX_U32),
    tilePayloads: section.list('tile_payloads_hex', hexAt),
    codecIds: section.list('codec_ids', numberAt(MAX_U8), []),
    payloadStrideBytes: section.number('payload_stride_bytes', MAX_U32, 0),
  };
}
