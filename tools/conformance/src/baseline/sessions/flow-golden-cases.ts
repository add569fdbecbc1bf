import * as preview3 from 'nnrp-core/preview3';
import { bytesOf } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { checkGolden, checkRefused, negative, positive, vectorBytes } from '../golden.js';
import { decoded, packetOf, submitBytes, WIRE, wireBytes } from '../wire-messages.js';

const { BackpressureLevel, CloseReason, ErrorCode, MessageType } = preview3;

/** FLOW_UPDATE of operation scope, written by offset: credit 3 for operation 1 of session 1, epoch 1. */
const OPERATION_GRANT = [
  '4e4e5250010017280000000020000000000000000100000000000000000000000000000000000000',
  '0200000000000000030000000100000000000000000000000100000001000000',
].join('');

/** Golden bytes of FLOW_UPDATE. */
export const FLOW_GOLDEN_CASES: readonly BaselineCase[] = [
  {
    id: 'l0.flow_update.packet.golden',
    exercised:
      'Decodes and encodes golden FLOW_UPDATE structures of every update reason; a live server that grants credit ' +
      '7 to session 1 puts exactly the golden packet on the wire, and our client reads a credit of 7 out of it.',
    async run(check: Checks, stage) {
      checkGolden(check, 'gen.flow_update.min');
      for (const reason of [0, 2, 3, 4]) checkGolden(check, `gen.enum.flow_update.update_reason.${reason}`);
      const vector = positive('packet.flow_update.minimal_session');
      const { peer, session } = await stage.openPeer(await stage.serve());
      await session.sendFlowUpdate({ credit: 7 });
      check.bytes(wireBytes(await peer.expect(MessageType.FlowUpdate)), vector.hex, 'FLOW_UPDATE of our server');

      const scripted = await stage.scripted();
      const clientSession = await stage.openScripted(scripted);
      const events = clientSession.events()[Symbol.asyncIterator]();
      scripted.peer.send(vectorBytes(vector));
      const { value } = await stage.within(events.next(), 'the flow update');
      check.ok(value?.type === 'flowUpdate', 'the client reports a flow update');
      check.fields(
        value.update,
        { sessionCredit: 7, creditEpoch: 1, flowFlags: 1, scopeKind: 1 },
        'as the client read it',
      );
    },
  },
  {
    id: 'l0.flow_update.connection.packet.golden',
    exercised:
      'Our client reads the golden connection grant off the wire, with its route and trace id; the eleventh ' +
      'update of connection scope that our client sends is the metadata of the golden packet byte for byte, epoch ' +
      '11 included.',
    async run(check: Checks, stage) {
      const vector = positive('golden.packet.flow_update.connection_grant');
      const { client, peer } = await stage.scripted();
      const reported = client.events()[Symbol.asyncIterator]();
      peer.send(vectorBytes(vector));
      const { value } = await stage.within(reported.next(), 'the flow update');
      check.ok(value?.type === 'flowUpdate', 'the client reports a flow update of the connection');
      check.fields(value.update, { scopeKind: 0, connectionCredit: 6, creditEpoch: 11, flowFlags: 1 }, 'as it read it');
      check.equal(value.outcome, 'applied', 'what became of it');
      for (let epoch = 1; epoch <= 11; epoch++) {
        client.sendFlowUpdate({ credit: 6, backpressureLevel: BackpressureLevel.Soft });
        const sent = await peer.expect(MessageType.FlowUpdate, 0, 0);
        check.equal(decoded(WIRE.flow, sent).creditEpoch, epoch, 'the epoch of each');
        if (epoch === 11) check.bytes(sent.metadata, vector.hex.slice(80), 'the eleventh update');
      }
    },
  },
  {
    id: 'l0.flow_update.operation.packet.golden',
    exercised:
      'A live server grants credit 3 to operation 1 of session 1 and puts exactly the bytes on the wire that are ' +
      'written by offset; our client reads those bytes as an update of that operation.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve());
      peer.send(submitBytes(1, 1));
      await stage.within(session.receiveSubmit(), 'the submit');
      await session.sendFlowUpdate({ frameId: 1, credit: 3 });
      check.bytes(wireBytes(await peer.expect(MessageType.FlowUpdate)), OPERATION_GRANT, 'FLOW_UPDATE of our server');

      const scripted = await stage.scripted();
      const clientSession = await stage.openScripted(scripted);
      const operation = clientSession.submitNow('prompt');
      operation.result().catch(() => {});
      await scripted.peer.expect(MessageType.FrameSubmit, 1, 1);
      const events = clientSession.events()[Symbol.asyncIterator]();
      scripted.peer.send(bytesOf(OPERATION_GRANT));
      const { value } = await stage.within(events.next(), 'the flow update');
      check.ok(value?.type === 'flowUpdate', 'the client reports a flow update');
      check.fields(value.update, { scopeKind: 2, operationCredit: 3, operationId: 1n }, 'as the client read it');
      check.ok(value.operation === operation, 'it names the operation');
    },
  },
  {
    id: 'l0.flow_update.reserved_flags.reject',
    exercised:
      'Refuses golden FLOW_UPDATEs with an unassigned flag, a reserved byte or unknown enums; a live server that ' +
      'is sent an unassigned flag ends that session with ERROR and SESSION_CLOSE protocol_error, our client does ' +
      'the same.',
    async run(check: Checks, stage) {
      const faults = [
        'flow_flags.bit31',
        'reserved1.byte0',
        'scope_kind.255',
        'update_reason.5',
        'backpressure_level.3',
      ];
      for (const fault of faults) checkRefused(check, `neg.flow_update.${fault}`);
      const metadata = vectorBytes(negative('neg.flow_update.flow_flags.bit31'));
      const bad = packetOf(MessageType.FlowUpdate, 1, 0, metadata);
      const server = await stage.serve();
      const { peer, session } = await stage.openPeer(server);
      peer.send(bad);
      const error = decoded(WIRE.error, await peer.expect(MessageType.Error, 1));
      check.fields(error, { errorCode: ErrorCode.MalformedBody, isFatal: 0, relatedSessionId: 1 }, 'the ERROR');
      const close = decoded(WIRE.close, await peer.expect(MessageType.SessionClose, 1));
      check.equal(close.closeReason, CloseReason.ProtocolError, 'the reason of the close');
      check.equal(session.state, 'closed', 'the session on the server');

      const scripted = await stage.scripted();
      const clientSession = await stage.openScripted(scripted);
      scripted.peer.send(bad);
      const answer = decoded(WIRE.close, await scripted.peer.expect(MessageType.SessionClose, 1));
      check.equal(answer.closeReason, CloseReason.ProtocolError, 'the reason of the close by our client');
      check.equal(clientSession.endReason?.code, 'NNRP_ERR_PROTOCOL', 'why the session of the client is over');
    },
  },
];
