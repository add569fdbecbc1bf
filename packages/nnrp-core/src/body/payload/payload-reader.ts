import { ProfileId, StreamSemantics } from '../../generated/preview3/enums.js';
import { DescriptorFlags, PayloadKindFlags } from '../../generated/preview3/flags.js';
import { PayloadKindFlagsName } from '../../generated/preview3/names.js';
import type { TypedPayloadDescriptor } from '../../generated/preview3/typed-payload-descriptor.js';
import { decodeUtf8 } from '../../text/utf8.js';
import { type BodyContext, decodeBody } from '../region/body-regions.js';
import { requireJson } from './json-parts.js';
import type { PayloadKind } from './payload-body.js';
import { requireBytes } from './payload-data.js';

/** One typed payload of a body. */
export class Payload<D extends Pick<TypedPayloadDescriptor, 'descriptorFlags'> = TypedPayloadDescriptor> {
  constructor(
    /**
     * What it is; undefined where the wire leaves it open, which it does for audio, video and opaque bytes when two of
     * them are in one body.
     */
    readonly kind: PayloadKind | undefined,
    /** A part of the body, not copied: it keeps the memory of the body alive. */
    readonly bytes: Uint8Array,
    /** Everything else that the wire says of it. */
    readonly descriptor: D,
  ) {}

  /** Whether it is the last of its stream. */
  get isTerminal(): boolean {
    return (this.descriptor.descriptorFlags & DescriptorFlags.Terminal) !== 0;
  }

  /** Whether it is a part, more of which follows. */
  get isPartial(): boolean {
    return (this.descriptor.descriptorFlags & DescriptorFlags.Partial) !== 0;
  }

  /**
   * The bytes as text; invalid UTF-8 becomes U+FFFD. A character may be cut between two fragments of a stream: use one
   * TextDecoder with `stream: true` over their `bytes`.
   */
  text(): string {
    return decodeUtf8(this.bytes);
  }

  /**
   * The bytes as a value.
   * @throws UsageError when they are no JSON, or one of more than a million objects, lists and members or 128 levels
   */
  json(): unknown {
    return requireJson(this.text(), 'json() takes a payload of JSON', this.bytes.length).value;
  }
}

/**
 * Decodes the typed payloads of a region body.
 *
 * A descriptor has no kind, so the kind follows from what the metadata and the descriptor say: the only kind in
 * payload_kind_bitmap; else tool_delta for the semantics tool_update, structured_event for event, token_chunk for the
 * token profile, each where the bitmap has it; else the only kind that is left.
 *
 * @param body - the whole body; the payloads are views of it
 * @param metadata - of the message that carried it
 * @throws WireError when the body is no region body or breaks its rules
 * @see NNRP/1-preview3 sections 7.22, 10.1 and 10.4
 */
export function decodePayloads(body: Uint8Array, metadata: BodyContext): Payload[] {
  const { typedPayloads } = decodeBody(requireBytes(body, 'body'), metadata);
  return typedPayloads.map(
    ({ descriptor, payload }) => new Payload(kindOf(descriptor, metadata.payloadKindBitmap), payload, descriptor),
  );
}

/** Kinds that a descriptor does not tell apart. */
const ALIKE = PayloadKindFlags.AudioChunk | PayloadKindFlags.VideoChunk | PayloadKindFlags.OpaqueBytes;

function kindOf(descriptor: TypedPayloadDescriptor, bitmap: number): PayloadKind | undefined {
  const kinds = bitmap & ~PayloadKindFlags.Tensor;
  return nameOf(kinds) ?? nameOf(kinds & hinted(descriptor)) ?? nameOf(kinds & ALIKE);
}

function hinted({ streamSemantics, profileId }: TypedPayloadDescriptor): number {
  if (streamSemantics === StreamSemantics.ToolUpdate) return PayloadKindFlags.ToolDelta;
  if (streamSemantics === StreamSemantics.Event) return PayloadKindFlags.StructuredEvent;
  return profileId === ProfileId.Token ? PayloadKindFlags.TokenChunk : 0;
}

/** The kind with exactly this flag. */
export function nameOf(flag: number): PayloadKind | undefined {
  return (PayloadKindFlagsName as Readonly<Record<number, PayloadKind | undefined>>)[flag];
}
