import * as preview3 from 'nnrp-core/preview3';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { negative, vectorBytes } from '../golden.js';
import { decoded, flowBytes, packetOf, resultBytes, submitBytes, WIRE } from '../wire-messages.js';

const { BackpressureLevel, FlowFlags, MessageType, ScopeKind, UpdateReason } = preview3;
const BLOCKED = 'NNRP_ERR_FLOW_BLOCKED';
/** A session that is limited by credit alone. */
const NO_LIMIT = { maxInFlightOperations: 0, grantedOperationCredit: 100 };

/** Cases of flow control. */
export const FLOW_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.flow_update.preview3',
    exercised:
      'A raw peer sends a live server one submit more than may be in flight and gets RESULT_DROP and a ' +
      'FLOW_UPDATE that names the limit; our client obeys hard backpressure, pause, drain_in_flight_only, ' +
      'background_only and retry_after of a scripted server, and submits again when they are lifted.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve({ maxInFlightOperations: 2 }), {
        maxInFlightOperations: 2,
      });
      peer.send(submitBytes(1, 1), submitBytes(1, 2), submitBytes(1, 3));
      await peer.expect(MessageType.ResultDrop, 1, 3);
      const update = decoded(WIRE.flow, await peer.expect(MessageType.FlowUpdate, 1));
      const reduced = {
        sessionCredit: 2,
        updateReason: UpdateReason.Reduce,
        backpressureLevel: BackpressureLevel.None,
      };
      check.fields(update, { ...reduced, creditEpoch: 1, flowFlags: FlowFlags.CreditValid }, 'what the server says');
      check.equal(session.inFlightCount, 2, 'what reached the application');

      const scripted = await stage.scripted();
      const clientSession = await stage.openScripted(scripted, NO_LIMIT);
      let epoch = 0;
      let frameId = 0;
      for (const [reason, limit] of Object.entries(LIMITS)) {
        scripted.peer.send(flowBytes(1, { flowFlags: 0, ...limit, creditEpoch: ++epoch }));
        await scripted.peer.settled();
        check.throws(() => clientSession.submitNow('blocked'), BLOCKED, reason);
        const waiting = stage.later(clientSession.submit('waits'));
        check.equal((await scripted.peer.settled()).length, 0, `submits under ${reason}`);
        scripted.peer.send(flowBytes(1, { updateReason: UpdateReason.Resume, flowFlags: 0, creditEpoch: ++epoch }));
        await scripted.peer.expect(MessageType.FrameSubmit, 1, ++frameId);
        (await stage.within(waiting, 'the submit')).result().catch(() => {});
      }
    },
  },
  {
    id: 'l1.flow_update.connection.scope.validation',
    exercised:
      'A scripted server gives the connection credit 1: of two sessions of our client one submit reaches the ' +
      'wire, the other follows when the first is answered. Golden packets that break FLOW-2 are refused by our ' +
      'client, which ends the connection, and by a live server.',
    async run(check: Checks, stage) {
      const scripted = await stage.scripted();
      const { peer } = scripted;
      const one = await stage.openScripted(scripted, NO_LIMIT);
      const two = await stage.openScripted(scripted, { ...NO_LIMIT, sessionId: 2, serverSessionTag: 2n });
      peer.send(flowBytes(0, { connectionCredit: 1 }));
      await peer.settled();
      one
        .submitNow('first')
        .result()
        .catch(() => {});
      await peer.expect(MessageType.FrameSubmit, 1, 1);
      check.throws(() => two.submitNow('second'), BLOCKED, 'a submit of the other session');
      const second = stage.later(two.submit('second'));
      check.equal((await peer.settled()).length, 0, 'submits beyond the credit of the connection');
      peer.send(resultBytes(1, 1, 'done'));
      await peer.expect(MessageType.FrameSubmit, 2, 1);
      (await stage.within(second, 'the second submit')).result().catch(() => {});
      peer.send(flowBytes(0, { connectionCredit: 2, creditEpoch: 2 }));
      await peer.settled();
      one
        .submitNow('third')
        .result()
        .catch(() => {});
      await peer.expect(MessageType.FrameSubmit, 1, 2);

      const bad = vectorBytes(negative('neg.packet.flow_update.connection.session_credit'));
      peer.send(bad);
      check.equal(decoded(WIRE.error, await peer.expect(MessageType.Error, 0)).isFatal, 1, 'FLOW-2 to our client');
      await stage.within(scripted.client.closed, 'the client to end the connection');
      const stranger = await stage.peer(await stage.serve());
      stranger.send(bad);
      await stranger.expect(MessageType.Error, 0);
      await stranger.over();
      const named = vectorBytes(negative('neg.packet.flow_update.connection.session_id'));
      const { peer: raw, session } = await stage.openPeer(await stage.serve(), { requestedSessionId: 42 });
      raw.send(named);
      await raw.expect(MessageType.Error, 42);
      await raw.expect(MessageType.SessionClose, 42);
      check.equal(session.endReason?.message.includes('FLOW-2'), true, 'why the session is over');
    },
  },
  {
    id: 'l1.flow_update.session.scope.validation',
    exercised:
      'A scripted server gives one session of our client credit 1 and another none: each is held to its own ' +
      'credit, the connection is not. A golden packet of session scope without a session (FLOW-3) ends the ' +
      'connection on both sides.',
    async run(check: Checks, stage) {
      const scripted = await stage.scripted();
      const { peer } = scripted;
      const one = await stage.openScripted(scripted, NO_LIMIT);
      const two = await stage.openScripted(scripted, { ...NO_LIMIT, sessionId: 2, serverSessionTag: 2n });
      const three = await stage.openScripted(scripted, { ...NO_LIMIT, sessionId: 3, serverSessionTag: 3n });
      peer.send(flowBytes(1, { sessionCredit: 1 }), flowBytes(2, { sessionCredit: 0 }));
      await peer.settled();
      one
        .submitNow('first')
        .result()
        .catch(() => {});
      check.throws(() => one.submitNow('second'), BLOCKED, 'the second submit of session 1');
      check.throws(() => two.submitNow('first'), BLOCKED, 'a submit of session 2');
      for (let count = 0; count < 5; count++)
        three
          .submitNow('free')
          .result()
          .catch(() => {});
      const submits = await peer.settled();
      check.equal(
        submits.map(({ sessionId }) => sessionId),
        [1, 3, 3, 3, 3, 3],
        'submits on the wire',
      );
      peer.send(flowBytes(2, { sessionCredit: 1, creditEpoch: 2 }));
      await peer.settled();
      two
        .submitNow('now')
        .result()
        .catch(() => {});
      await peer.expect(MessageType.FrameSubmit, 2, 1);

      const bad = vectorBytes(negative('neg.packet.flow_update.session.no_session_id'));
      peer.send(bad);
      await peer.expect(MessageType.Error, 0);
      const reason = await stage.within(scripted.client.closed, 'the client to end the connection');
      check.ok(reason.message.includes('FLOW-3'), `FLOW-3 is named in: ${reason.message}`);
      const stranger = await stage.peer(await stage.serve());
      stranger.send(bad);
      await stranger.expect(MessageType.Error, 0);
      await stranger.over();
      check.equal(three.state, 'closed', 'sessions of the connection that ended');
    },
  },
  {
    id: 'l1.flow_update.operation.scope.validation',
    exercised:
      'A raw peer pauses one operation on a live server: its partial results are held back while those of another ' +
      'operation flow, and come in order after resume. Operation scope without an operation (FLOW-4) costs the ' +
      'session.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve());
      peer.send(submitBytes(1, 1), submitBytes(1, 2));
      const held = await stage.within(session.receiveSubmit(), 'the first submit');
      const free = await stage.within(session.receiveSubmit(), 'the second submit');
      const scope = { scopeKind: ScopeKind.Operation, operationId: 1n, flowFlags: 0 };
      peer.send(flowBytes(1, { ...scope, updateReason: UpdateReason.Pause, creditEpoch: 1 }));
      await peer.settled();
      const sending = [held.push('a'), held.push('b'), held.complete('c')].map((sent) => stage.later(sent));
      await free.push('x');
      await free.complete('y');
      const flowed = await peer.settled();
      check.equal(
        flowed.map(({ frameId }) => frameId),
        [2, 2],
        'results while operation 1 is paused',
      );
      peer.send(flowBytes(1, { ...scope, updateReason: UpdateReason.Resume, creditEpoch: 2 }));
      for (const text of ['a', 'b', 'c']) {
        const result = await peer.expect(MessageType.ResultPush, 1, 1);
        check.equal(Buffer.from(result.body).toString(), text, 'results after resume');
      }
      await Promise.all(sending);
      peer.send(flowBytes(1, { ...scope, operationId: 77n, creditEpoch: 3 }));
      check.equal((await peer.settled()).length, 0, 'answers to an update of an operation that is not there');
      peer.send(flowBytes(1, { ...scope, operationId: 0n }));
      await peer.expect(MessageType.Error, 1);
      await peer.expect(MessageType.SessionClose, 1);
      check.ok(session.endReason?.message.includes('FLOW-4') ?? false, 'FLOW-4 is why the session is over');
    },
  },
  {
    id: 'l1.flow_update.credit_epoch.monotonicity.validation',
    exercised:
      'A scripted server sends our client credits with rising, equal and older epochs; which submits reach the ' +
      'wire shows that only rising epochs count, also per scope, and the client reports each update as applied, ' +
      'stale or repeated. A live server numbers its own updates 1, 2, 3.',
    async run(check: Checks, stage) {
      const scripted = await stage.scripted();
      const { peer } = scripted;
      const session = await stage.openScripted(scripted, { maxInFlightOperations: 0, grantedOperationCredit: 1 });
      const events = session.events()[Symbol.asyncIterator]();
      for (let count = 0; count < 6; count++) {
        session
          .submit(`work ${count}`)
          .then((operation) => operation.result())
          .catch(() => {});
      }
      check.equal((await peer.settled()).length, 1, 'submits within the granted credit');
      for (const [creditEpoch, sessionCredit, outcome, sent] of [
        [5, 2, 'applied', 1],
        [5, 4, 'stale', 0],
        [4, 6, 'stale', 0],
        [5, 2, 'repeated', 0],
        [6, 4, 'applied', 2],
        [1, 6, 'stale', 0],
        [0xffffffff, 5, 'applied', 1],
        [0, 6, 'stale', 0],
      ] as const) {
        peer.send(flowBytes(1, { creditEpoch, sessionCredit }));
        const what = `credit ${sessionCredit} of epoch ${creditEpoch}`;
        const { value } = await stage.within(events.next(), what);
        check.equal(value?.type === 'flowUpdate' && value.outcome, outcome, what);
        check.equal((await peer.settled()).length, sent, `submits after ${what}`);
      }
      peer.send(flowBytes(0, { creditEpoch: 1, connectionCredit: 5 }), packetOf(MessageType.Ping));
      await peer.expect(MessageType.Pong);
      peer.send(resultBytes(1, 1, 'done'));
      check.equal((await peer.settled()).length, 1, 'submits after a first update of connection scope and an answer');

      const { peer: raw, session: serverSession } = await stage.openPeer(await stage.serve());
      for (const epoch of [1, 2, 3]) {
        await serverSession.sendFlowUpdate({ credit: epoch });
        const update = decoded(WIRE.flow, await raw.expect(MessageType.FlowUpdate, 1));
        check.equal(update.creditEpoch, epoch, 'an epoch of the server');
      }
    },
  },
];

/** What keeps a client from submitting, whatever its credit. */
const LIMITS: Readonly<Record<string, Partial<preview3.FlowUpdate>>> = {
  hard: { updateReason: UpdateReason.Congestion, backpressureLevel: BackpressureLevel.Hard },
  paused: { updateReason: UpdateReason.Pause },
  drain_in_flight_only: { flowFlags: FlowFlags.DrainInFlightOnly },
  background_only: { flowFlags: FlowFlags.BackgroundOnly },
  retry_after: { flowFlags: FlowFlags.RetryAfterValid, retryAfterMs: 60_000 },
};
