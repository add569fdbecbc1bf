import * as preview3 from 'nnrp-core/preview3';
import type { OperationContext } from 'nnrp-runtime';
import { hexOf } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { packetOf, resultBytes, submitBytes } from '../wire-messages.js';
import { tokenPayload, typedBody } from './region-bodies.js';

const { DescriptorFlags, MessageType, PayloadKindFlags } = preview3;

const UTF8 = new TextEncoder();

/** What an application sees of the payloads of a submit. */
function seen({ frameId, payloadFrames, metadata }: OperationContext) {
  return {
    frameId,
    bitmap: metadata.payloadKindBitmap,
    frames: payloadFrames.map(({ descriptor, payload }) => ({ ...descriptor, bytes: hexOf(payload) })),
  };
}

/** Cases of payloads as applications get them: who owns the bytes, and by which calls they come. */
export const PAYLOAD_API_CASES: readonly BaselineCase[] = [
  {
    id: 'l2.payload.typed.buffer_ownership.relative_region.validation',
    exercised:
      'Payloads of a submit are views of its body at offsets relative to the frame region, not copies; a body ' +
      'that is held while a hundred more submits arrive on the connection keeps its bytes, on the server and in ' +
      'our client; an encoded body keeps its bytes when its source changes.',
    async run(check: Checks, stage) {
      const source = tokenPayload('first');
      const { body, counts } = typedBody(source, tokenPayload('second'));
      source.payload.fill(0);
      check.equal(Buffer.from(body.subarray(80, 91)).toString(), 'firstsecond', 'a body whose source has changed');
      const { session, clientSession } = await stage.session();
      const submitted = clientSession.submitNow(body, { metadata: counts });
      const held = await stage.within(session.receiveSubmit(), 'the submit');
      const [one, two] = held.payloadFrames;
      check.ok(one !== undefined && two !== undefined, 'two payloads');
      check.equal([one.descriptor.offset, two.descriptor.offset, two.descriptor.length], [0, 5, 6], 'relative places');
      const region = held.body.byteOffset + 32 + 48;
      check.equal([one.payload.byteOffset, two.payload.byteOffset], [region, region + 5], 'places in the body');
      check.ok(one.payload.buffer === held.body.buffer, 'payloads share the bytes of the body');
      await held.complete({ body, metadata: counts });
      const result = await stage.within(submitted.result(), 'the result');
      const before = [hexOf(held.body), hexOf(result.body)];
      for (let count = 0; count < 100; count++) {
        const next = clientSession.submitNow(new Uint8Array(200).fill(count));
        const operation = await stage.within(session.receiveSubmit(), 'more work');
        await operation.complete(new Uint8Array(200).fill(255 - count));
        await stage.within(next.result(), 'its result');
      }
      check.equal([hexOf(held.body), hexOf(result.body)], before, 'the bytes that were held');
      check.equal(before[0], before[1], 'what came back');
    },
  },
  {
    id: 'l2.payload.typed.callback_polling.descriptor_consistency.validation',
    exercised:
      'The same typed submit is taken from a live server by receiveSubmit, by events() and by the callback of ' +
      'serve(): frame id, bitmap, every descriptor and every payload are the same in all three.',
    async run(check: Checks, stage) {
      const { body, counts } = typedBody(
        tokenPayload('he'),
        tokenPayload(''),
        tokenPayload('llo', { descriptorFlags: DescriptorFlags.Terminal }),
      );
      const polled = await stage.openPeer(await stage.serve());
      polled.peer.send(submitBytes(1, 3, body, counts));
      const byPolling = seen(await stage.within(polled.session.receiveSubmit(), 'receiveSubmit'));

      const evented = await stage.openPeer(await stage.serve());
      const events = evented.session.events();
      evented.peer.send(submitBytes(1, 3, body, counts));
      const { value } = await stage.within(events.next(), 'events');
      check.ok(value?.type === 'submit', 'the event is a submit');
      const byEvents = seen(value.submit as OperationContext);

      let byCallback: ReturnType<typeof seen> | undefined;
      const called = await stage.servedPeer({
        submit(operation) {
          byCallback = seen(operation);
          return 'done';
        },
      });
      called.peer.send(submitBytes(1, 3, body, counts));
      await called.peer.expect(MessageType.ResultPush, 1, 3);
      check.equal(
        byPolling.frames.map(({ offset, length }) => [offset, length]),
        [
          [0, 2],
          [2, 0],
          [2, 3],
        ],
        'descriptors',
      );
      check.equal(byPolling.bitmap, PayloadKindFlags.TokenChunk, 'the bitmap');
      check.equal(byEvents, byPolling, 'events() and receiveSubmit()');
      check.equal(byCallback, byPolling, 'the callback and receiveSubmit()');
    },
  },
  {
    id: 'l2.profile.token.partial.callback_polling.validation',
    exercised:
      'A scripted server streams the same token fragments to three frames of our client, read by a loop over the ' +
      'operation, by the results() pump and by result(): the loops see the same fragments with the same partial ' +
      'marks, result() the terminal one; a drop in the middle of a stream fails loop and promise alike.',
    async run(check: Checks, stage) {
      const scripted = await stage.scripted();
      const { peer } = scripted;
      const looping = await stage.openScripted(scripted);
      const pumping = await stage.openScripted(scripted, { sessionId: 2, serverSessionTag: 2n });
      const fragments = ['to', 'ken', 's'].map((text, index) => [text, index < 2] as const);
      const stream = (sessionId: number, frameId: number) =>
        fragments.map(([text, partial]) =>
          resultBytes(sessionId, frameId, preview3.encodeTokenDeltaBody(UTF8.encode(text), !partial), partial),
        );
      const read = async (results: AsyncIterable<{ readonly partial: boolean; readonly body: Uint8Array }>) => {
        const all: unknown[] = [];
        for await (const { body, partial } of results) {
          const { payload, terminal } = preview3.decodeTokenDeltaBody(body);
          all.push([Buffer.from(payload).toString(), partial, terminal]);
        }
        return all;
      };
      const byLoop = stage.later(read(looping.submitNow('loop')));
      const byPromise = stage.later(looping.submitNow('promise').result());
      const pump = pumping.results();
      const byPump: unknown[] = [];
      pumping
        .submitNow('pump')
        .result()
        .catch(() => {});
      for (let count = 0; count < 3; count++) await peer.expect(MessageType.FrameSubmit);
      peer.send(...stream(1, 1), ...stream(1, 2), ...stream(2, 1));
      const expected = fragments.map(([text, partial]) => [text, partial, !partial]);
      check.equal<unknown>(await stage.within(byLoop, 'the loop'), expected, 'what the loop saw');
      const iterator = pump[Symbol.asyncIterator]();
      for (let count = 0; count < 3; count++) {
        const { value } = await stage.within(iterator.next(), 'the pump');
        if (value !== undefined) byPump.push([hexOf(value.result.body), value.result.partial]);
      }
      const bytes = fragments.map(([text, partial]) => [
        hexOf(preview3.encodeTokenDeltaBody(UTF8.encode(text), !partial)),
        partial,
      ]);
      check.equal<unknown>(byPump, bytes, 'what the pump saw');
      const last = await stage.within(byPromise, 'result()');
      check.equal(preview3.decodeTokenDeltaBody(last.body).terminal, true, 'what result() gave');
      const dropped = stage.later(read(looping.submitNow('dropped')));
      await peer.expect(MessageType.FrameSubmit, 1, 3);
      peer.send(...stream(1, 3).slice(0, 1), packetOf(MessageType.ResultDrop, 1, 3));
      await check.rejects(stage.within(dropped, 'the loop'), 'NNRP_ERR_RESULT_DROPPED', 'a stream that is dropped');
    },
  },
];
