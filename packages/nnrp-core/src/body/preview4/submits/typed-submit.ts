import { UsageError } from '../../../errors.js';
import { WireError } from '../../../faults/wire-error.js';
import { PayloadKind, ProfileId, StreamSemantics } from '../../../generated/preview4/enums.js';
import { DescriptorFlags } from '../../../generated/preview4/flags.js';
import type { TypedPayloadDescriptor } from '../../../generated/preview4/typed-payload-descriptor.js';
import { brokenRule } from '../../../rules/broken-rule.js';
import { shownValue } from '../../../text/shown-value.js';
import { requireBytes } from '../../payload/payload-data.js';
import { TOKEN_DELTA_SCHEMA_ID, TOKEN_DELTA_SCHEMA_VERSION } from '../../payload/token-delta.js';
import { encodeBody } from '../regions.js';
import {
  type BuiltSubmit,
  builtSubmit,
  requestedMetadata,
  requireList,
  requireOptions,
  SUBMIT_WHERE,
  type SubmitRequest,
} from './submit-request.js';

/** A typed payload of a submit: its descriptor but for the place in the region, and its bytes. */
export interface SubmitPayload extends Omit<TypedPayloadDescriptor, 'offset' | 'length'> {
  /** Copied. */
  readonly payload: Uint8Array;
}

/** A chunk of tokens of a submit. */
export interface SubmitTokens {
  /** Copied. */
  readonly payload: Uint8Array;
  /** Bits of {@link DescriptorFlags}; default Partial. */
  readonly descriptorFlags?: number | undefined;
}

export interface TypedSubmitRequest extends SubmitRequest {
  /** 1 to 65535 of them. */
  readonly payloads: readonly SubmitPayload[];
}

export interface TokenSubmitRequest extends SubmitRequest {
  /** 1 to 65535 of them. */
  readonly chunks: readonly SubmitTokens[];
}

const MAX_PAYLOADS = 0xffff;
const PAYLOAD: readonly string[] = [
  'profileId',
  'payloadKind',
  'descriptorFlags',
  'schemaId',
  'schemaVersion',
  'streamSemantics',
  'payload',
];
const CHUNK: readonly string[] = ['payload', 'descriptorFlags'];

/**
 * Builds a submit of typed payloads: metadata and region body that agree, byte for byte as the reference client writes them.
 *
 * @throws WireError SUB-1 for an id of 0, SUB-2 for no payload or too many, what checkTypedPayloads finds, and a value that
 *   does not fit its field; UsageError for options that there are not
 * @see NNRP/1-preview4 section 10.7
 */
export function buildTypedSubmit(request: TypedSubmitRequest): BuiltSubmit {
  const base = requestedMetadata(request, ['payloads']);
  const payloads = requireList('payloads', request.payloads);
  if (payloads.length === 0 || payloads.length > MAX_PAYLOADS) {
    throw new WireError(brokenRule('SUB-2'), SUBMIT_WHERE);
  }
  let payloadKindBitmap = 0;
  const typedPayloads = payloads.map((item, index) => {
    requireOptions(`payload ${index}`, item, PAYLOAD);
    const { payload, ...descriptor } = item;
    if (typeof descriptor.payloadKind !== 'number') {
      throw new UsageError(`payload ${index}: payloadKind takes a number, got ${shownValue(descriptor.payloadKind)}`);
    }
    payloadKindBitmap |= descriptor.payloadKind;
    return { descriptor, payload: requireBytes(payload, `payload ${index}`) };
  });
  const metadata = { ...base, payloadKindBitmap, payloadFrameCount: payloads.length };
  return builtSubmit(metadata, encodeBody({ typedPayloads }, metadata));
}

/**
 * Builds a submit of tokens: each chunk is a payload of the token-delta schema that is appended to those before it.
 *
 * @throws as {@link buildTypedSubmit} does
 * @see NNRP/1-preview4 section 10.7
 */
export function buildTokenSubmit(request: TokenSubmitRequest): BuiltSubmit {
  requestedMetadata(request, ['chunks']);
  const { chunks, ...rest } = request;
  const payloads = requireList('chunks', chunks).map((chunk, index) => {
    requireOptions(`chunk ${index}`, chunk, CHUNK);
    return {
      profileId: ProfileId.Token,
      payloadKind: PayloadKind.TokenChunk,
      descriptorFlags: chunk.descriptorFlags ?? DescriptorFlags.Partial,
      schemaId: TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: TOKEN_DELTA_SCHEMA_VERSION,
      streamSemantics: StreamSemantics.Append,
      payload: chunk.payload,
    };
  });
  return buildTypedSubmit({ ...rest, payloads });
}
