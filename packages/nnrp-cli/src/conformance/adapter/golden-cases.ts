import { checkHeaderIds } from 'nnrp-core';
import { checkFlowUpdateScope, decodePacket, MessageType, PREVIEW4 } from 'nnrp-core/preview4';
import type { AdapterCase, AdapterCases } from './adapter-case.js';
import { expectBytes, expectNoFault, expectSame, failed } from './case-failure.js';
import * as golden from './golden-values.js';
import { legacyDescriptorTrip, legacyRegions } from './legacy-descriptors.js';
import { decodeStruct, encodeMessage, type MessageDraft, type StructValue, structTrip } from './message-trip.js';

/** A structure alone. */
function structure(name: string, value: StructValue, parameter = 'metadata_hex'): AdapterCase {
  return { parameters: [parameter], check: (bytes = new Uint8Array(0)) => structTrip(name, bytes, value) };
}

type PacketIds = Required<Pick<MessageDraft, 'sessionId' | 'frameId' | 'viewId' | 'routeId' | 'traceId'>>;

/** A message without a body. @param also - what else must hold of it */
function packet(
  type: MessageType,
  ids: PacketIds,
  metadata: StructValue,
  also: (bytes: Uint8Array) => void = () => {},
): AdapterCase {
  return {
    parameters: ['packet_hex'],
    check(bytes = new Uint8Array(0)) {
      const read = decodePacket(bytes);
      const { sessionId, frameId, viewId, routeId, traceId, flags, messageType } = read;
      expectSame(
        'header',
        { messageType, flags, sessionId, frameId, viewId, routeId, traceId },
        { messageType: type, flags: 0, ...ids },
      );
      expectSame('body', read.body.length, 0);
      const info = PREVIEW4.messageInfo(type);
      if (info?.metadata === undefined) throw failed(`message ${type} is not known`);
      structTrip(info.metadata, read.metadata, metadata);
      expectNoFault('header', checkHeaderIds(read, info));
      expectBytes('the packet written back', encodeMessage({ type, metadata, ...ids }), bytes);
      also(bytes);
    },
  };
}

const HEADER_BYTES = 40;

export const GOLDEN_CASES: AdapterCases = {
  'l0.header.fixed_shape.golden': structure('HEADER', golden.HEADER, 'header_hex'),
  'l0.control.client_hello.golden': structure('CLIENT_HELLO', golden.CLIENT_HELLO),
  'l0.control.session_patch_ack.golden': structure('SESSION_PATCH_ACK', golden.SESSION_PATCH_ACK),
  'l0.flow_update.packet.golden': packet(
    MessageType.FlowUpdate,
    { sessionId: 21, frameId: 0, viewId: 0, routeId: 6, traceId: 13n },
    golden.FLOW_UPDATE,
    (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      expectSame('broken rule of its scope', checkFlowUpdateScope(21, view, HEADER_BYTES), undefined);
      expectSame('rule that session 0 breaks', checkFlowUpdateScope(0, view, HEADER_BYTES), 'FLOW-3');
    },
  ),
  'l0.result_hint.packet.golden': packet(
    MessageType.ResultHint,
    { sessionId: 21, frameId: 303, viewId: 0, routeId: 7, traceId: 14n },
    golden.RESULT_HINT,
    (bytes) => expectSame('reason', decodeStruct('RESULT_HINT', bytes.subarray(HEADER_BYTES))['reason'], 3),
  ),
  'l0.frame_submit.metadata.golden': structure('FRAME_SUBMIT', golden.FRAME_SUBMIT),
  'l0.result_push.metadata.golden': structure('RESULT_PUSH', golden.RESULT_PUSH),
  'l0.body_region.prelude.golden': structure('BODY_REGION_PRELUDE', golden.BODY_REGION_PRELUDE),
  'l0.object_reference.block.golden': structure('OBJECT_REFERENCE_BLOCK', golden.OBJECT_REFERENCE_BLOCK),
  'l0.typed_payload.descriptor.current.golden': structure(
    'TYPED_PAYLOAD_DESCRIPTOR',
    golden.TYPED_PAYLOAD_DESCRIPTOR,
    'descriptor_hex',
  ),
  'l0.typed_payload.descriptor.golden': {
    parameters: ['descriptor_hex'],
    check: (bytes = new Uint8Array(0)) =>
      legacyDescriptorTrip(bytes, { payloadKind: 16, profileId: 3, offset: 4, length: 7 }),
  },
  'l0.typed_payload.frame_regions.golden': {
    parameters: ['descriptor_region_hex', 'payload_hex'],
    check(descriptors = new Uint8Array(0), payload = new Uint8Array(0)) {
      const frames = legacyRegions(descriptors, payload, 0x02 | 0x04 | 0x08 | 0x10);
      const texts = frames.map(({ payloadKind, profileId, payload: bytes }) => [
        payloadKind,
        profileId,
        new TextDecoder().decode(bytes),
      ]);
      expectSame('frames', texts, [
        [0x02, 1, 'tok'],
        [0x04, 2, 'au'],
        [0x08, 3, 'video'],
        [0x10, 4, 'evt'],
      ]);
    },
  },
};
