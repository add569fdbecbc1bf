import { decodePacket, PacketSplitter } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { bytesOf, hexOf } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import { checkGolden, checkRefused, negative, vectorBytes } from '../golden.js';
import { decoded, openBytes, submitBytes, WIRE, wireBytes } from '../wire-messages.js';

const { ErrorCode, MessageType } = preview3;
const HEADERS = ['golden.header.frame_submit', 'gen.header.min', 'gen.header.max', 'gen.header.mixed'];

/** Cases of the common header. */
export const HEADER_CASES: readonly BaselineCase[] = [
  {
    id: 'l0.header.roundtrip.basic',
    exercised:
      'Decodes and encodes four golden headers byte for byte; then sends a FRAME_SUBMIT with flags, view, route ' +
      'and trace id to a live server and compares the 40 header bytes of the answer with bytes written by offset.',
    async run(check, stage) {
      for (const name of HEADERS) checkGolden(check, name);
      const server = await stage.serve();
      const { peer, session } = await stage.openPeer(server);
      const submit = submitBytes(1, 11);
      const header = new DataView(submit.buffer);
      header.setUint32(8, 0x21, true);
      header.setUint16(28, 2, true);
      header.setUint16(30, 3, true);
      header.setBigUint64(32, 123456789n, true);
      peer.send(submit);
      const operation = await stage.within(session.receiveSubmit(), 'the submit');
      check.equal(operation.traceId, 123456789n, 'the trace id as the server reads it');
      await operation.complete('done');
      const answer = await peer.expect(MessageType.ResultPush);
      const expected = '4e4e525001001228000000004000000004000000010000000b0000000000000015cd5b0700000000';
      check.bytes(wireBytes(answer).subarray(0, 40), expected, 'the header of the answer');
    },
  },
  {
    id: 'l0.header.invalid_length.reject',
    exercised:
      'Refuses golden headers whose header_len is 0 or 41 and headers cut short; a live server that is sent ' +
      'header_len 41 answers with a fatal ERROR malformed_header and CLOSE and ends the connection, while another ' +
      'peer goes on.',
    async run(check, stage) {
      for (const name of ['header_len_0', 'header_len_41', 'short', 'empty']) checkRefused(check, `neg.header.${name}`);
      const server = await stage.serve();
      const { peer: sibling } = await stage.openPeer(server, { requestedSessionId: 2 });
      const peer = await stage.peer(server);
      const open = openBytes();
      open[7] = 41;
      peer.send(open);
      const error = decoded(WIRE.error, await peer.expect(MessageType.Error, 0));
      check.fields(error, { errorCode: ErrorCode.MalformedHeader, isFatal: 1, errorScope: 0 }, 'the ERROR');
      await peer.expect(MessageType.Close, 0);
      await peer.over();
      check.equal((await sibling.settled()).length, 0, 'messages to the other peer');
      check.equal(server.sessionCount, 1, 'sessions');
    },
  },
  {
    id: 'l0.header.length_mismatch.reject',
    exercised:
      'Refuses packets longer and shorter than their header declares and lengths whose sum exceeds 32 bits; a ' +
      'live server waits for declared bytes that have not come, takes them when they do, and ends a connection ' +
      'whose header declares metadata of the wrong length or a sum over 32 bits.',
    async run(check, stage) {
      for (const name of ['neg.packet.longer_than_declared', 'neg.packet.length_sum_overflow']) {
        const vector = negative(name);
        check.refuses(() => decodePacket(vectorBytes(vector)), vector.expect_error ?? {}, name);
      }
      const whole = submitBytes(1, 1, 'x');
      const short = { kind: 'packet_length_mismatch', declared: whole.length, actual: whole.length - 1 };
      check.refuses(() => decodePacket(whole.subarray(0, -1)), short, 'a packet cut short');
      const splitter = new PacketSplitter();
      splitter.push(bytesOf(negative('neg.packet.length_sum_overflow').hex));
      check.equal(splitter.next(), undefined, 'packets of a stream with an overflow');
      check.equal<unknown>(splitter.fault, { kind: 'message_length_overflow' }, 'the fault of the stream');

      const server = await stage.serve();
      const { peer, session } = await stage.openPeer(server);
      peer.send(whole.subarray(0, -1));
      await (await stage.openPeer(server, { requestedSessionId: 9 })).peer.settled();
      check.equal(session.inFlightCount, 0, 'submits taken before the last byte');
      peer.send(whole.subarray(-1));
      check.bytes((await stage.within(session.receiveSubmit(), 'the submit')).body, hexOf(whole.subarray(-1)), 'body');

      const wrong = openBytes({ requestedSessionId: 5 });
      new DataView(wrong.buffer).setUint32(12, 47, true);
      const stranger = await stage.peer(server);
      stranger.send(wrong.subarray(0, -1));
      const error = decoded(WIRE.error, await stranger.expect(MessageType.Error));
      check.fields(error, { errorCode: ErrorCode.MalformedBody, isFatal: 1 }, 'metadata one byte short');
      await stranger.over();
      const liar = await stage.peer(server);
      liar.send(vectorBytes(negative('neg.packet.length_sum_overflow')));
      await liar.expect(MessageType.Error);
      await liar.over();
      check.equal(server.sessionCount, 2, 'sessions afterwards');
    },
  },
];
