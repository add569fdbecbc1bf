import {
  BODY_REGION_PRELUDE_RULES,
  checkBodyRegionPrelude,
  decodeBodyRegionPrelude,
  encodeBodyRegionPrelude,
} from '../../generated/preview3/body-region-prelude.js';
import { ProfileId } from '../../generated/preview3/enums.js';
import { PayloadKindFlags } from '../../generated/preview3/flags.js';
import {
  checkObjectReferenceBlock,
  decodeObjectReferenceBlock,
  encodeObjectReferenceBlock,
  OBJECT_REFERENCE_BLOCK_BYTES,
  OBJECT_REFERENCE_BLOCK_RULES,
  type ObjectReferenceBlock,
} from '../../generated/preview3/object-reference-block.js';
import {
  checkTypedPayloadDescriptor,
  decodeTypedPayloadDescriptor,
  encodeTypedPayloadDescriptor,
  TYPED_PAYLOAD_DESCRIPTOR_OFFSETS,
  TYPED_PAYLOAD_DESCRIPTOR_RULES,
  type TypedPayloadDescriptor,
} from '../../generated/preview3/typed-payload-descriptor.js';
import type { BodyChecks, BodyDecoders, BodyEncoders, ReferenceCheck, TypedPayloadCheck } from './region-codecs.js';

export const PREVIEW3_REFERENCES: ReferenceCheck = {
  bytes: OBJECT_REFERENCE_BLOCK_BYTES,
  rules: OBJECT_REFERENCE_BLOCK_RULES,
  check: checkObjectReferenceBlock,
};

export const PREVIEW3_PAYLOADS: TypedPayloadCheck = {
  rules: TYPED_PAYLOAD_DESCRIPTOR_RULES,
  check: checkTypedPayloadDescriptor,
  judge(view: DataView, start: number, payloadKindBitmap: number): string | undefined {
    const profileId = view.getUint16(start + TYPED_PAYLOAD_DESCRIPTOR_OFFSETS.profileId, true);
    if ((payloadKindBitmap & ~PayloadKindFlags.Tensor) !== 0 && profileId === ProfileId.Tensor) return 'TPR-3';
    return payloadKindBitmap === PayloadKindFlags.TokenChunk && profileId !== ProfileId.Token ? 'TPR-4' : undefined;
  },
};

export const PREVIEW3_BODY: BodyChecks = {
  prelude: {
    rules: BODY_REGION_PRELUDE_RULES,
    check: checkBodyRegionPrelude,
  },
  objectReferences: PREVIEW3_REFERENCES,
  typedPayloads: PREVIEW3_PAYLOADS,
};

export const PREVIEW3_DECODERS: BodyDecoders<ObjectReferenceBlock, TypedPayloadDescriptor> = [
  decodeBodyRegionPrelude,
  decodeObjectReferenceBlock,
  decodeTypedPayloadDescriptor,
];

export const PREVIEW3_ENCODERS: BodyEncoders<ObjectReferenceBlock, TypedPayloadDescriptor> = [
  encodeBodyRegionPrelude,
  encodeObjectReferenceBlock,
  encodeTypedPayloadDescriptor,
];
