import * as preview3 from 'nnrp-core/preview3';
import { bytesOf, hexOf, type JsonFields } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import { checkGolden, checkRefused, positive, vectorBytes } from '../golden.js';
import { objectOf } from '../structs.js';
import { decoded, message, openBytes, WIRE } from '../wire-messages.js';

const { ErrorCode, MessageType } = preview3;

/** Cases of CLIENT_HELLO and SERVER_HELLO_ACK. */
export const HANDSHAKE_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.handshake.basic',
    exercised:
      'Sends the golden CLIENT_HELLO packet to a live server, compares its SERVER_HELLO_ACK with the offer and ' +
      'opens a session after it; our client greets the same server and opens one; and a session opens without any ' +
      'hello.',
    async run(check, stage) {
      checkGolden(check, 'golden.client_hello');
      const server = await stage.serve();
      const peer = await stage.peer(server);
      const vector = positive('packet.client_hello');
      peer.send(vectorBytes(vector));
      const packet = await peer.expect(MessageType.ServerHelloAck, 0, 0);
      const ack = decoded(WIRE.helloAck, packet);
      const { metadata } = vector.fields as { readonly metadata: JsonFields };
      const hello = objectOf('CLIENT_HELLO', metadata) as unknown as preview3.ClientHello;
      check.equal(preview3.checkHelloAck(hello, ack), undefined, 'HELLOACK-1 to HELLOACK-10');
      check.fields(ack, { selectedVersionMajor: 1, selectedWireFormat: 0, acceptedProfileBitmap: 2 }, 'the choice');
      check.equal(packet.bodyLength, ack.controlExtensionBytes, 'the length of its extension block');
      check.equal(preview3.checkControlExtensions(packet.body), undefined, 'its extension block');
      peer.send(openBytes({ requestedSessionId: 5 }));
      await peer.expect(MessageType.SessionOpenAck, 5);

      const client = await stage.connect(server);
      const answer = await stage.within(client.hello(), 'the answer to the hello');
      check.fields(answer.ack, { selectedVersionMajor: 1, acceptedProfileBitmap: 2 }, 'what our client was answered');
      const session = await stage.within(client.openSession(), 'a session after the hello');
      check.equal(session.state, 'open', 'the session after the hello');
      const stranger = await stage.peer(server);
      stranger.send(openBytes({ requestedSessionId: 6 }));
      await stranger.expect(MessageType.SessionOpenAck, 6);
      check.equal(server.sessionCount, 3, 'sessions');
    },
  },
  {
    id: 'l1.handshake.capability_window.validation',
    exercised:
      'Offers of versions, wire formats, profiles and payload kinds inside and outside what a live server serves: ' +
      'it accepts the common part, or answers ERROR and ends the connection; our client refuses scripted answers ' +
      'that exceed its offer.',
    async run(check, stage) {
      for (const fault of ['window_reversed', 'wire_format', 'no_profile']) {
        checkRefused(check, `neg.client_hello.${fault}`);
      }
      const server = await stage.serve();
      const golden = objectOf('CLIENT_HELLO', positive('golden.client_hello').fields as JsonFields);
      const offer = { ...(golden as unknown as preview3.ClientHello), authBytes: 0, controlExtensionBytes: 0 };
      const wide = { ...offer, minVersionMajor: 0, maxVersionMajor: 9, supportedProfileBitmap: 0x3 };
      const peer = await stage.peer(server);
      peer.send(message(WIRE.hello, 0, 0, { ...wide, supportedPayloadKindBitmap: 0x1ff }));
      const ack = decoded(WIRE.helloAck, await peer.expect(MessageType.ServerHelloAck));
      const common = { selectedVersionMajor: 1, acceptedProfileBitmap: 2, acceptedPayloadKindBitmap: 0x7f };
      check.fields(ack, common, 'the common part of a wide offer');

      const bytes = message(WIRE.hello, 0, 0, offer);
      for (const [offset, value, errorCode, what] of [
        [40, 2, ErrorCode.MalformedBody, 'versions 2 to 1'],
        [42, 0, ErrorCode.UnsupportedVersion, 'no wire format 0'],
        [44, 0, ErrorCode.MalformedBody, 'no profile'],
        [48, 0, ErrorCode.MalformedBody, 'no payload kind'],
      ] as const) {
        const bad = bytesOf(hexOf(bytes));
        bad[offset] = value;
        const stranger = await stage.peer(server);
        stranger.send(bad);
        const error = decoded(WIRE.error, await stranger.expect(MessageType.Error));
        check.fields(error, { errorCode, isFatal: 1 }, what);
        await stranger.over();
      }
      for (const excess of [{ acceptedProfileBitmap: 0x4 }, { selectedVersionMajor: 2 }, { selectedWireFormat: 1 }]) {
        const scripted = await stage.scripted();
        const greeted = scripted.client.hello();
        greeted.catch(() => {});
        await scripted.peer.expect(MessageType.ClientHello);
        scripted.peer.send(message(WIRE.helloAck, 0, 0, { ...ack, controlExtensionBytes: 0, ...excess }));
        const what = `an answer with ${Object.keys(excess)}`;
        await check.rejects(stage.within(greeted, 'the refusal'), 'NNRP_ERR_PROTOCOL', what);
      }
      check.equal(server.sessionCount, 0, 'sessions');
    },
  },
];
