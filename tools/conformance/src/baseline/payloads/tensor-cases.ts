import * as preview3 from 'nnrp-core/preview3';
import { hexOf } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { checkRefused } from '../golden.js';
import { decoded, openBytes, packetOf, resultBytes, submitBytes, WIRE } from '../wire-messages.js';
import { tensorSubmit } from './region-bodies.js';

const { CacheObjectKind, CloseReason, MessageType, PayloadKindFlags, ProfileId, ResultClass, ResultFlags } = preview3;
const TENSOR = { supportedProfiles: [ProfileId.Tensor, ProfileId.Token] };
const TENSOR_SESSION = { profileId: ProfileId.Tensor };

/** Cases of tensor submits and of results. */
export const TENSOR_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.frame_submit.tensor.inline',
    exercised:
      'A tensor submit with camera, tile index and one int8 section as typed inline objects of a real region body ' +
      'goes to a live server, which decodes every object and answers with tensor counts; our client puts the same ' +
      'bytes on the wire, and bodies with a cut object or dirty padding are refused by the region codec.',
    async run(check: Checks, stage) {
      const { metadata, body } = tensorSubmit();
      const { peer, session } = await stage.openPeer(await stage.serve(TENSOR), TENSOR_SESSION);
      peer.send(submitBytes(1, 1, body, metadata));
      const operation = await stage.within(session.receiveSubmit(), 'the submit');
      check.equal<unknown>({ ...operation.metadata }, { ...metadata }, 'the metadata as the server reads it');
      const { inlineObjects, prelude } = preview3.decodeBody(operation.body, operation.metadata);
      const { CameraBlock, TileIndexBlock, TensorSectionTable } = CacheObjectKind;
      const kinds = inlineObjects.map(({ header }) => header.objectKind);
      check.equal<number[]>(kinds, [CameraBlock, TileIndexBlock, TensorSectionTable], 'the inline objects');
      check.equal(prelude.inlineObjectBytes, 32 + 24 + 56, 'the inline region, padding included');
      const [camera, tiles, section] = inlineObjects.map(({ payload }) => payload);
      check.ok(camera !== undefined && tiles !== undefined && section !== undefined, 'three payloads');
      check.bytes(camera, 'ca'.repeat(12), 'the camera block');
      check.bytes(tiles, '05000900', 'the tile index');
      const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
      const { dtypeId, payloadBytes } = preview3.decodeTensorSectionDescriptor(view);
      check.equal([dtypeId, payloadBytes, section.length], [preview3.DtypeId.Int8, 8, 40], 'the section');
      check.bytes(section.subarray(32), '01020304fafbfcfd', 'its values');
      const tensor = { payloadKindBitmap: PayloadKindFlags.Tensor, payloadFrameCount: 0, activeProfileId: 1 };
      const answer = { ...tensor, sectionCount: 1, tileCount: 2, coveredTileCount: 2 };
      await operation.complete({ body: operation.body, metadata: answer });
      const result = await peer.expect(MessageType.ResultPush, 1, 1);
      check.fields(decoded(WIRE.result, result), answer, 'the result');

      const scripted = await stage.scripted();
      const clientSession = await stage.openScripted(scripted, { acceptedProfileId: 1 }, TENSOR_SESSION);
      clientSession
        .submitNow(body, { metadata })
        .result()
        .catch(() => {});
      const sent = await scripted.peer.expect(MessageType.FrameSubmit, 1, 1);
      check.bytes(sent.metadata, hexOf(submitBytes(1, 1, '', metadata).subarray(40)), 'metadata of our client');
      check.bytes(sent.body, hexOf(body), 'body of our client');

      const dirty = body.slice();
      dirty[32 + 16 + 12] = 1;
      const fault = (rule: string) => ({ kind: 'invalid_combination', rule });
      check.refuses(() => preview3.decodeBody(dirty, metadata), fault('INLINE-2'), 'dirty padding');
      const cut = body.slice();
      new DataView(cut.buffer).setUint32(32 + 8, 4096, true);
      check.refuses(() => preview3.decodeBody(cut, metadata), fault('INLINE-1'), 'an object that is cut off');
    },
  },
  {
    id: 'l1.frame_submit.tensor.inline.routing.validation',
    exercised:
      'Tensor submits with the same frame id in two sessions of one connection reach the right session; one for a ' +
      'session that does not exist is dropped, one with a used id gets ERROR, tensor fields without the tensor ' +
      'bit are dropped (FSUB-1), and frame id 0 costs its session and no other.',
    async run(check: Checks, stage) {
      checkRefused(check, 'neg.frame_submit.fsub1.tile_count');
      const { metadata, body } = tensorSubmit();
      const server = await stage.serve(TENSOR);
      const { peer, session: one } = await stage.openPeer(server, TENSOR_SESSION);
      peer.send(openBytes({ ...TENSOR_SESSION, requestedSessionId: 2 }));
      await peer.expect(MessageType.SessionOpenAck, 2);
      const two = await stage.within(server.accept(), 'the second session');
      const other = { ...metadata, tileBaseId: 640 };
      peer.send(submitBytes(1, 5, body, metadata), submitBytes(2, 5, body, other));
      const first = await stage.within(one.receiveSubmit(), 'the submit of session 1');
      const second = await stage.within(two.receiveSubmit(), 'the submit of session 2');
      check.equal([first.metadata.tileBaseId, second.metadata.tileBaseId], [0, 640], 'which submit went where');
      check.equal([first.frameId, second.frameId], [5, 5], 'their frame ids');
      peer.send(submitBytes(3, 1, body, metadata));
      await peer.expectExplainedDrop(preview3.ErrorCode.InvalidState, 3, 1);
      peer.send(submitBytes(1, 5, body, metadata));
      const used = decoded(WIRE.error, await peer.expect(MessageType.Error, 1, 5));
      check.fields(used, { errorScope: preview3.ErrorScope.Frame, relatedFrameId: 5, isFatal: 0 }, 'a used frame id');
      const bare = submitBytes(1, 6, body, metadata);
      new DataView(bare.buffer).setUint32(40 + 64, PayloadKindFlags.TokenChunk, true);
      peer.send(bare);
      await peer.expect(MessageType.Error, 1, 6);
      await peer.expect(MessageType.ResultDrop, 1, 6);
      const zero = submitBytes(1, 7, body, metadata);
      new DataView(zero.buffer).setUint32(24, 0, true);
      peer.send(zero);
      await peer.expect(MessageType.Error, 1);
      const close = decoded(WIRE.close, await peer.expect(MessageType.SessionClose, 1));
      check.equal<number>(close.closeReason, CloseReason.ProtocolError, 'frame 0');
      await second.complete('');
      await peer.expect(MessageType.ResultPush, 2, 5);
      check.equal([one.state, two.state], ['closed', 'open'], 'both sessions');
    },
  },
  {
    id: 'l1.result_push.basic.terminal.validation',
    exercised:
      'A live server sends two partial results and one terminal result for a frame; a second terminal result, a ' +
      'drop after it and results for cancelled and unknown frames are refused locally and nothing of them reaches ' +
      'the wire.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve());
      peer.send(submitBytes(1, 1));
      const operation = await stage.within(session.receiveSubmit(), 'the submit');
      for (const text of ['a', 'b']) {
        await operation.push(text);
        const partial = decoded(WIRE.result, await peer.expect(MessageType.ResultPush, 1, 1));
        const marks = { resultClass: ResultClass.Partial, resultFlags: ResultFlags.Partial };
        check.fields(partial, marks, 'a partial result');
      }
      check.equal(session.isInFlight(1), true, 'in flight after partial results');
      await operation.complete('c');
      const last = decoded(WIRE.result, await peer.expect(MessageType.ResultPush, 1, 1));
      check.fields(last, { resultClass: ResultClass.Complete, resultFlags: 0 }, 'the terminal result');
      check.equal(session.isInFlight(1), false, 'in flight after the terminal result');
      const usage = 'NNRP_ERR_USAGE';
      await check.rejects(operation.complete('d'), usage, 'a second terminal result');
      await check.rejects(operation.push('d'), usage, 'a partial result after it');
      await check.rejects(session.sendResultDrop(1), usage, 'a drop after it');
      await check.rejects(session.sendResult(99, {}), usage, 'a result for an unknown frame');
      peer.send(submitBytes(1, 2));
      const cancelled = await stage.within(session.receiveSubmit(), 'the second submit');
      session.cancelOperations(preview3.CancelScope.Operation, 2);
      await peer.expect(MessageType.ResultDrop, 1, 2);
      await check.rejects(cancelled.complete('e'), 'NNRP_ERR_CANCELLED', 'a result for a cancelled frame');
      check.equal((await peer.settled()).length, 0, 'messages that followed');
    },
  },
  {
    id: 'l2.result_push.basic.event_pump.single_terminal.validation',
    exercised:
      'A scripted server answers one frame with two partial results, a terminal one, and then another result and ' +
      'a drop: the results() pump, the loop over the operation and result() of our client each see exactly one ' +
      'terminal result, and the surplus is reported as stray.',
    async run(check: Checks, stage) {
      const scripted = await stage.scripted();
      const session = await stage.openScripted(scripted);
      const { client, peer } = scripted;
      const reported = client.events()[Symbol.asyncIterator]();
      const pump = session.results();
      const seen: [number, boolean][] = [];
      const pumped = stage.later(
        (async () => {
          for await (const { operation, result } of pump) {
            seen.push([operation.frameId, result.partial]);
            if (operation.frameId === 2 && !result.partial) return;
          }
        })(),
      );
      const loop = session.submitNow('looped');
      const looped: boolean[] = [];
      const read = stage.later(
        (async () => {
          for await (const result of loop) looped.push(result.partial);
        })(),
      );
      const awaited = stage.later(session.submitNow('awaited').result());
      await peer.expect(MessageType.FrameSubmit, 1, 1);
      await peer.expect(MessageType.FrameSubmit, 1, 2);
      for (const frameId of [1, 2]) {
        peer.send(resultBytes(1, frameId, 'a', true), resultBytes(1, frameId, 'b', true), resultBytes(1, frameId, 'c'));
        peer.send(resultBytes(1, frameId, 'surplus'), packetOf(MessageType.ResultDrop, 1, frameId));
      }
      await stage.within(read, 'the loop over the operation to end');
      check.equal(looped, [true, true, false], 'what the loop saw');
      const last = await stage.within(awaited, 'result()');
      check.equal([last.partial, Buffer.from(last.body).toString()], [false, 'c'], 'what result() gave');
      await stage.within(pumped, 'the pump to see both terminal results');
      const expected = [1, 2].flatMap((frameId) => [true, true, false].map((partial) => [frameId, partial]));
      check.equal<unknown>(seen, expected, 'what the pump saw');
      for (let surplus = 0; surplus < 4; surplus++) {
        const { value } = await stage.within(reported.next(), 'a surplus message to be reported');
        check.equal(value?.type, 'stray', 'a surplus message');
      }
      check.equal([session.inFlightCount, session.state], [0, 'open'], 'the session afterwards');
    },
  },
];
