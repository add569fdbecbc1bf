import {
  BODY_REGION_PRELUDE_RULES,
  checkBodyRegionPrelude,
  decodeBodyRegionPrelude,
  encodeBodyRegionPrelude,
} from '../../generated/preview4/body-region-prelude.js';
import { PayloadKind, ProfileId } from '../../generated/preview4/enums.js';
import {
  checkObjectReferenceBlock,
  decodeObjectReferenceBlock,
  encodeObjectReferenceBlock,
  OBJECT_REFERENCE_BLOCK_BYTES,
  OBJECT_REFERENCE_BLOCK_RULES,
  type ObjectReferenceBlock,
} from '../../generated/preview4/object-reference-block.js';
import {
  TYPED_PAYLOAD_DESCRIPTOR_OFFSETS as AT,
  checkTypedPayloadDescriptor,
  decodeTypedPayloadDescriptor,
  encodeTypedPayloadDescriptor,
  TYPED_PAYLOAD_DESCRIPTOR_RULES,
  type TypedPayloadDescriptor,
} from '../../generated/preview4/typed-payload-descriptor.js';
import type {
  BodyChecks,
  BodyDecoders,
  BodyEncoders,
  ReferenceCheck,
  TypedPayloadCheck,
} from '../region/region-codecs.js';

export const PREVIEW4_REFERENCES: ReferenceCheck = {
  bytes: OBJECT_REFERENCE_BLOCK_BYTES,
  rules: OBJECT_REFERENCE_BLOCK_RULES,
  check: checkObjectReferenceBlock,
};

export const PREVIEW4_PAYLOADS: TypedPayloadCheck = {
  rules: TYPED_PAYLOAD_DESCRIPTOR_RULES,
  check: checkTypedPayloadDescriptor,
  judge(view: DataView, start: number): string | undefined {
    const kind = view.getUint8(start + AT.payloadKind);
    const profileId = view.getUint16(start + AT.profileId, true);
    if (kind === PayloadKind.Tensor) return 'TPR-8';
    if (profileId === ProfileId.Tensor) return 'TPR-3';
    return kind === PayloadKind.TokenChunk && profileId !== ProfileId.Token ? 'TPR-4' : undefined;
  },
  kindAt: (view: DataView, start: number) => view.getUint8(start + AT.payloadKind),
};

export const PREVIEW4_BODY: BodyChecks = {
  prelude: {
    rules: BODY_REGION_PRELUDE_RULES,
    check: checkBodyRegionPrelude,
  },
  objectReferences: PREVIEW4_REFERENCES,
  typedPayloads: PREVIEW4_PAYLOADS,
};

export const PREVIEW4_DECODERS: BodyDecoders<ObjectReferenceBlock, TypedPayloadDescriptor> = [
  decodeBodyRegionPrelude,
  decodeObjectReferenceBlock,
  decodeTypedPayloadDescriptor,
];

export const PREVIEW4_ENCODERS: BodyEncoders<ObjectReferenceBlock, TypedPayloadDescriptor> = [
  encodeBodyRegionPrelude,
  encodeObjectReferenceBlock,
  encodeTypedPayloadDescriptor,
];
