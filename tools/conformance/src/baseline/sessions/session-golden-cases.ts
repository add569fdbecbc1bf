import * as preview3 from 'nnrp-core/preview3';
import { bytesOf, hexOf, type JsonFields } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import { checkGolden, checkRefused, negative, openDecision, positive, vectorBytes } from '../golden.js';
import { objectOf } from '../structs.js';
import { closeBytes, decoded, openBytes, packetOf, submitBytes, WIRE, wireBytes } from '../wire-messages.js';

const { ErrorCode, MessageType, ProfileId, SessionPriorityClass } = preview3;

/** 24 bytes: one vendor entry of a session extension block. */
const EXTENSION = { type: 0x8001, payload: new Uint8Array(16).fill(0x5a) };
const AUTH = new TextEncoder().encode('token');

/** Golden bytes of SESSION_OPEN, SESSION_CLOSE and their acknowledgements. */
export const SESSION_GOLDEN_CASES: readonly BaselineCase[] = [
  {
    id: 'l0.session_open.metadata.golden',
    exercised:
      'Decodes and encodes five golden SESSION_OPEN structures; our client, given the wishes of one of them, puts ' +
      'exactly its 48 bytes on the wire, and a live server reads the same fields out of another.',
    async run(check, stage) {
      for (const name of ['golden.session_open', 'recipe.p3.session_open.default_context', 'gen.session_open.max']) {
        checkGolden(check, name);
      }
      const golden = checkGolden(check, 'gen.session_open.mixed');
      checkGolden(check, 'gen.session_open.trailing');
      const { client, peer } = await stage.scripted({ announce: false });
      const opening = client.openSession({
        requestedSessionId: 7,
        profileId: ProfileId.Tensor,
        priorityClass: SessionPriorityClass.Background,
        sessionFlags: 0x0a,
        schemaId: 32,
        schemaVersion: 9,
        defaultDeadlineMs: 250,
        maxInFlightOperations: 3,
        leaseTtlHintMs: 1234,
        clientSessionTag: golden['clientSessionTag'] as bigint,
        auth: AUTH,
        extensions: [EXTENSION],
      });
      opening.catch(() => {});
      const sent = await peer.expect(MessageType.SessionOpen, 0, 0);
      check.bytes(sent.metadata, positive('gen.session_open.mixed').hex, 'SESSION_OPEN of our client');
      check.bytes(sent.body.subarray(0, 5), hexOf(AUTH), 'its authentication block');
      check.equal(sent.body.length, 29, 'its body');

      const server = await stage.serve();
      const request = bytesOf(openDecision('open.requested_42').open_hex);
      const raw = await stage.peer(server);
      raw.send(packetOf(MessageType.SessionOpen, 0, 0, request));
      await raw.expect(MessageType.SessionOpenAck, 42);
      const session = await stage.within(server.accept(), 'the session');
      const again = new Uint8Array(48);
      preview3.encodeSessionOpen(session.clientOpen, new DataView(again.buffer));
      check.bytes(again, hexOf(request), 'what the server has read');
    },
  },
  {
    id: 'l0.session_open_ack.metadata.golden',
    exercised:
      'Decodes and encodes four golden SESSION_OPEN_ACK structures; a live server answers four golden requests, ' +
      'two granted and two refused, with exactly the golden packets, and our client reads a golden packet as it ' +
      'is.',
    async run(check, stage) {
      checkGolden(check, 'golden.session_open_ack.opened');
      checkGolden(check, 'recipe.p3.session_open_ack.opened');
      checkGolden(check, 'gen.session_open_ack.max');
      checkGolden(check, 'gen.session_open_ack.trailing');
      const decisions = ['open.requested_42', 'open.max_session_id', 'open.schema_unknown', 'open.schema_absent'];
      for (const name of decisions) {
        const { open_hex, ack_packet_hex = '' } = openDecision(name);
        const peer = await stage.peer(await stage.serve());
        peer.send(packetOf(MessageType.SessionOpen, 0, 0, bytesOf(open_hex)));
        check.bytes(wireBytes(await peer.expect(MessageType.SessionOpenAck)), ack_packet_hex, name);
      }
      const vector = positive('packet.session_open_ack.opened');
      const { client, peer } = await stage.scripted();
      const opening = stage.later(client.openSession({ requestedSessionId: 1 }));
      await peer.expect(MessageType.SessionOpen);
      peer.send(vectorBytes(vector));
      const session = await stage.within(opening, 'the client to take the golden acknowledgement');
      const { metadata } = vector.fields as { readonly metadata: JsonFields };
      check.equal<unknown>({ ...session.ack }, objectOf('SESSION_OPEN_ACK', metadata), 'what the client has read');
    },
  },
  {
    id: 'l0.session_close.metadata.golden',
    exercised:
      'Decodes and encodes golden SESSION_CLOSE structures; our client closes session 1 after frame 1 and puts ' +
      'exactly the golden packet on the wire, and a live server reads that packet as the client wrote it.',
    async run(check, stage) {
      checkGolden(check, 'gen.session_close.min');
      checkGolden(check, 'gen.session_close.max');
      const vector = positive('packet.session_close');
      const scripted = await stage.scripted();
      const clientSession = await stage.openScripted(scripted);
      clientSession
        .submitNow('prompt')
        .result()
        .catch(() => {});
      await scripted.peer.expect(MessageType.FrameSubmit, 1, 1);
      void clientSession.close({ drainTimeoutMs: 0 }).catch(() => {});
      const sent = await scripted.peer.expect(MessageType.SessionClose);
      check.bytes(wireBytes(sent), vector.hex, 'SESSION_CLOSE of our client');

      const server = await stage.serve();
      const { peer, session } = await stage.openPeer(server);
      peer.send(vectorBytes(vector));
      const close = await stage.within(session.receiveClose(), 'the close');
      const again = new Uint8Array(24);
      preview3.encodeSessionClose(close.metadata, new DataView(again.buffer));
      check.bytes(again, vector.hex.slice(80), 'what the server has read');
      await session.ackClose(close);
      await peer.expect(MessageType.SessionCloseAck, 1);
    },
  },
  {
    id: 'l0.session_close_ack.metadata.golden',
    exercised:
      'Decodes and encodes golden SESSION_CLOSE_ACK structures of the statuses draining, closed and rejected; a ' +
      'live server confirms the close of session 1 after frame 1 with exactly the golden packet.',
    async run(check, stage) {
      checkGolden(check, 'recipe.p3.session_close_ack.draining');
      checkGolden(check, 'gen.session_close_ack.max');
      checkGolden(check, 'gen.session_close_ack.mixed');
      checkGolden(check, 'gen.session_close_ack.trailing');
      const server = await stage.serve();
      const { peer, session } = await stage.openPeer(server);
      peer.send(submitBytes(1, 1));
      await (await stage.within(session.receiveSubmit(), 'the submit')).complete('delta');
      await peer.expect(MessageType.ResultPush, 1, 1);
      peer.send(closeBytes(1, { lastOperationId: 1n }));
      await session.ackClose(await stage.within(session.receiveClose(), 'the close'));
      const ack = await peer.expect(MessageType.SessionCloseAck);
      check.bytes(wireBytes(ack), positive('packet.session_close_ack').hex, 'SESSION_CLOSE_ACK of our server');
    },
  },
  {
    id: 'l0.session_open.reserved_fields.reject',
    exercised:
      'Refuses golden SESSION_OPENs with a reserved byte, and reserved before unknown flags before a bad enum; a ' +
      'live server that is sent a reserved byte or an unknown session flag answers ERROR malformed_body and opens ' +
      'nothing.',
    async run(check, stage) {
      checkRefused(check, 'neg.session_open.reserved0.byte0');
      checkRefused(check, 'order.session_open.reserved_before_flags');
      checkRefused(check, 'order.session_open.flags_before_enum');
      const server = await stage.serve();
      for (const [offset, value] of [
        [22, 1],
        [23, 0x80],
        [7, 0x10],
      ] as const) {
        const peer = await stage.peer(server);
        const open = openBytes();
        open[40 + offset] = value;
        peer.send(open);
        const error = decoded(WIRE.error, await peer.expect(MessageType.Error));
        check.fields(error, { errorCode: ErrorCode.MalformedBody, isFatal: 1 }, `byte ${offset} set`);
        await peer.over();
      }
      check.equal(server.sessionCount, 0, 'sessions');
    },
  },
  {
    id: 'l0.session_open_ack.reserved_fields.reject',
    exercised:
      'Refuses golden SESSION_OPEN_ACKs with unassigned flag bits, unknown priority classes or a missing byte ' +
      '(the structure has no reserved bytes); our client refuses such an acknowledgement of a scripted server and ' +
      'says so.',
    async run(check, stage) {
      checkRefused(check, 'neg.session_open_ack.session_flags_ack.bit5');
      checkRefused(check, 'neg.session_open_ack.accepted_priority_class.3');
      checkRefused(check, 'neg.session_open_ack.short_by_one');
      for (const name of ['session_flags_ack.bit5', 'accepted_priority_class.255']) {
        const { client, peer } = await stage.scripted();
        const opening = stage.later(client.openSession());
        await peer.expect(MessageType.SessionOpen);
        const metadata = vectorBytes(negative(`neg.session_open_ack.${name}`));
        peer.send(packetOf(MessageType.SessionOpenAck, new DataView(metadata.buffer).getUint32(0, true), 0, metadata));
        await check.rejects(stage.within(opening, 'the refusal'), 'NNRP_ERR_PROTOCOL', name);
        check.equal(decoded(WIRE.error, await peer.expect(MessageType.Error)).isFatal, 1, 'the ERROR to the server');
        await stage.within(client.closed, 'the client to end the connection');
      }
    },
  },
];
