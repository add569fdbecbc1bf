import * as preview3 from 'nnrp-core/preview3';
import type { ServeHandlers } from 'nnrp-runtime';
import { hexOf } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { negative, positive, vectorBytes } from '../golden.js';
import { decoded, submitBytes, WIRE } from '../wire-messages.js';
import { tokenPayload, typedBody } from './region-bodies.js';

const { DescriptorFlags, ErrorCode, MessageType, ProfileId, ResultClass, SchemaErrorCode } = preview3;
const { StreamSemantics } = preview3;
const UTF8 = new TextEncoder();

/** What a vector of a typed payload region says about its place. */
function contextOf(vector: ReturnType<typeof positive>): preview3.TypedPayloadContext {
  const { payload_kind_bitmap = 0, payload_frame_count = 0, descriptor_region_bytes = 0 } = vector.context ?? {};
  return {
    payloadKindBitmap: payload_kind_bitmap,
    payloadFrameCount: payload_frame_count,
    descriptorBytes: descriptor_region_bytes,
  };
}

/** Cases of typed payload descriptors and of the token profile. */
export const PAYLOAD_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.typed_payload.descriptor.validation',
    exercised:
      'Golden typed payload regions are accepted, nine golden ones and one made here are refused with their rule ' +
      '(TPR-1 to TPR-7, flags); a strict live server hands a good submit to its application and answers payloads ' +
      'that are terminal and partial, of an unknown schema or of unknown semantics with RESULT_DROP and ERROR.',
    async run(check: Checks, stage) {
      for (const name of ['two_token_frames', 'zero_length_frames', 'token_plus_event_other_profile']) {
        const vector = positive(`region.typed.${name}`);
        const context = contextOf(vector);
        const frames = preview3.decodeTypedPayloads(vectorBytes(vector), context);
        const { frames: golden } = vector.fields as { readonly frames: readonly { readonly payload_hex: string }[] };
        const payloads = frames.map(({ payload }) => hexOf(payload));
        check.equal(
          payloads,
          golden.map((frame) => frame.payload_hex),
          name,
        );
        check.bytes(preview3.encodeTypedPayloads(frames, context), vector.hex, `${name} encoded again`);
      }
      for (const name of REFUSED_REGIONS) {
        const vector = negative(`neg.region.typed.${name}`);
        const fault = preview3.checkTypedPayloads(vectorBytes(vector), contextOf(vector));
        check.equal<unknown>(fault, vector.expect_error, name);
      }
      const beyond = positive('region.typed.two_token_frames');
      const region = vectorBytes(beyond);
      new DataView(region.buffer as ArrayBuffer).setUint32(44, 4, true);
      const fault = preview3.checkTypedPayloads(region, contextOf(beyond));
      check.equal<unknown>(fault, { kind: 'invalid_combination', rule: 'TPR-6' }, 'a payload beyond the region');
      const { peer, session } = await stage.openAnnounced(await stage.serve({ strict: true }));
      const good = typedBody(tokenPayload('he'), tokenPayload('llo', { descriptorFlags: DescriptorFlags.Terminal }));
      peer.send(submitBytes(1, 1, good.body, good.counts));
      const operation = await stage.within(session.receiveSubmit(), 'the good submit');
      const texts = operation.payloadFrames.map(({ payload }) => Buffer.from(payload).toString());
      check.equal(texts, ['he', 'llo'], 'the payloads as the application sees them');
      const both = DescriptorFlags.Terminal | DescriptorFlags.Partial;
      const bad = [
        [{ descriptorFlags: both }, ErrorCode.MalformedBody],
        [{ streamSemantics: 9 as preview3.StreamSemantics }, ErrorCode.MalformedBody],
        [{ schemaId: 0x2222 }, SchemaErrorCode.SchemaUnknown],
      ] as const;
      for (const [index, [descriptor, code]] of bad.entries()) {
        const { body, counts } = typedBody(tokenPayload('x', descriptor));
        peer.send(submitBytes(1, index + 2, body, counts));
        const error = decoded(WIRE.error, await peer.expect(MessageType.Error, 1, index + 2));
        check.equal<number>(error.errorCode, code, JSON.stringify(descriptor));
        await peer.expect(MessageType.ResultDrop, 1, index + 2);
      }
      check.equal(session.inFlightCount, 1, 'submits that reached the application');
    },
  },
  {
    id: 'l1.token_profile.partial.validation',
    exercised:
      'A live server streams three token fragments to our client as partial results of the token-delta schema; ' +
      'flags, semantics, profile and the terminal mark of each are checked as they come, and token bodies with a ' +
      'tensor profile, another schema or two frames are refused.',
    async run(check: Checks, stage) {
      const server = await stage.serve();
      const handlers: ServeHandlers = {
        *submit() {
          yield preview3.encodeTokenDeltaBody(UTF8.encode('Hel'), false);
          yield preview3.encodeTokenDeltaBody(UTF8.encode('lo'), false);
          return preview3.encodeTokenDeltaBody(UTF8.encode('!'), true);
        },
      };
      server.serve(handlers).catch(() => {});
      const client = await stage.connect(server);
      const clientSession = await stage.within(client.openSession(), 'the session');
      const operation = await stage.within(clientSession.submit('prompt'), 'the submit');
      const texts: string[] = [];
      const read = stage.later(
        (async () => {
          for await (const result of operation) {
            const [frame] = preview3.decodeBody(result.body, result.metadata).typedPayloads;
            const last = texts.length === 2;
            const { Partial: partial, Terminal: terminal } = DescriptorFlags;
            const expected = {
              profileId: ProfileId.Token,
              schemaId: 0x1001,
              schemaVersion: 3,
              streamSemantics: StreamSemantics.Append,
              descriptorFlags: last ? terminal : partial,
            };
            check.fields(
              (frame?.descriptor ?? {}) as preview3.TypedPayloadDescriptor,
              expected,
              `fragment ${texts.length}`,
            );
            check.equal(result.partial, !last, `fragment ${texts.length} is partial`);
            const { Complete, Partial: PartialClass } = ResultClass;
            check.equal<number>(result.metadata.resultClass, last ? Complete : PartialClass, 'its class');
            texts.push(Buffer.from(preview3.decodeTokenDeltaBody(result.body).payload).toString());
          }
        })(),
      );
      await stage.within(read, 'the stream to end');
      check.equal(texts, ['Hel', 'lo', '!'], 'the fragments');
      const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
      const body = preview3.encodeTokenDeltaBody(UTF8.encode('x'), false);
      for (const [offset, value, fault] of [
        [32, 1, 'TPR-3'],
        [36, 2, 'TOKEN-1'],
        [8, 48, 'BODY-1'],
      ] as const) {
        const bad = body.slice();
        bad[offset] = value;
        check.refuses(() => preview3.decodeTokenDeltaBody(bad), rule(fault), `byte ${offset} changed`);
      }
    },
  },
];

const REFUSED_REGIONS = [
  'descriptor_length_partial',
  'zero_count_with_frames',
  'overlap',
  'order',
  'cover',
  'overflow',
  'tensor_profile_in_mixed_bitmap',
  'token_unspecified_profile',
  'descriptor_flags',
];
