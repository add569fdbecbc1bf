import * as preview3 from 'nnrp-core/preview3';
import type { BaselineCase } from '../baseline-case.js';
import { closeBytes, openBytes, packetOf, submitBytes } from '../wire-messages.js';

const { MessageType } = preview3;

/** Cases of several sessions on one connection. */
export const MULTI_SESSION_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.connection.session_container.parallel_open.validation',
    exercised:
      'Eight sessions asked for in one write on one connection to a live server, each with the same frame id in ' +
      'flight at once, answered in reverse order under the right session; our client opens eight at once, too.',
    async run(check, stage) {
      const server = await stage.serve();
      const peer = await stage.peer(server);
      const ids = [1, 2, 3, 4, 5, 6, 7, 8];
      peer.send(...ids.map((requestedSessionId) => openBytes({ requestedSessionId })));
      for (const id of ids)
        check.equal((await peer.expect(MessageType.SessionOpenAck)).sessionId, id, 'granted in order');
      const sessions = [];
      for (const id of ids) {
        const session = await stage.within(server.accept(), `session ${id}`);
        check.equal(session.sessionId, id, 'accepted in order');
        sessions.push(session);
      }
      peer.send(...ids.map((id) => submitBytes(id, 1, `work of ${id}`)));
      for (const session of sessions.reverse()) {
        const operation = await stage.within(session.receiveSubmit(), 'the submit');
        check.equal(Buffer.from(operation.body).toString(), `work of ${session.sessionId}`, 'the work of the session');
        await operation.complete(`result of ${session.sessionId}`);
        const result = await peer.expect(MessageType.ResultPush, session.sessionId, 1);
        check.equal(Buffer.from(result.body).toString(), `result of ${session.sessionId}`, 'its result');
      }
      const client = await stage.connect(server);
      const opened = await stage.within(Promise.all(ids.map(() => client.openSession())), 'eight sessions at once');
      check.equal(new Set(opened.map(({ sessionId }) => sessionId)).size, 8, 'ids of our client, all different');
      check.equal([server.sessionCount, server.connectionCount], [16, 2], 'sessions and connections');
    },
  },
  {
    id: 'l1.session.close.sibling_survival.validation',
    exercised:
      'Two sessions with work in flight on one connection; one closes, its work is dropped, and its sibling gets ' +
      'its result, takes more work and keeps the connection. A protocol violation in one leaves the other alone, ' +
      'too.',
    async run(check, stage) {
      const server = await stage.serve();
      const { peer, session: first } = await stage.openPeer(server, { requestedSessionId: 1 });
      peer.send(openBytes({ requestedSessionId: 2 }));
      await peer.expect(MessageType.SessionOpenAck, 2);
      const second = await stage.within(server.accept(), 'the second session');
      peer.send(submitBytes(1, 1), submitBytes(2, 1));
      const lost = await stage.within(first.receiveSubmit(), 'the first submit');
      const kept = await stage.within(second.receiveSubmit(), 'the second submit');
      peer.send(closeBytes(1));
      await first.ackClose(await stage.within(first.receiveClose(), 'the close'));
      await peer.expectExplainedDrop(preview3.ErrorCode.FrameCancelled, 1, 1);
      await peer.expect(MessageType.SessionCloseAck, 1);
      check.equal([lost.signal.aborted, kept.signal.aborted], [true, false], 'signals of both operations');
      check.equal([first.state, second.state], ['closed', 'open'], 'both sessions');
      await kept.complete('still here');
      await peer.expect(MessageType.ResultPush, 2, 1);

      peer.send(openBytes({ requestedSessionId: 3 }));
      await peer.expect(MessageType.SessionOpenAck, 3);
      peer.send(packetOf(MessageType.SessionCloseAck, 3, 0, Uint8Array.of(9, ...new Uint8Array(15))));
      await peer.expect(MessageType.Error, 3);
      await peer.expect(MessageType.SessionClose, 3);
      peer.send(submitBytes(2, 2));
      await (await stage.within(second.receiveSubmit(), 'more work')).complete('more');
      await peer.expect(MessageType.ResultPush, 2, 2);
      check.equal(server.sessionCount, 1, 'sessions that are left');
    },
  },
  {
    id: 'l1.connection.close.session_cascade.validation',
    exercised:
      'CLOSE on a connection with three sessions and work in flight ends every session of it on a live server, ' +
      'aborts the work and leaves another connection alone; CLOSE to our client ends its sessions and fails their ' +
      'operations.',
    async run(check, stage) {
      const server = await stage.serve();
      const { session: bystander } = await stage.openPeer(server, { requestedSessionId: 9 });
      const { peer, session } = await stage.openPeer(server, { requestedSessionId: 1 });
      peer.send(openBytes({ requestedSessionId: 2 }), openBytes({ requestedSessionId: 3 }), submitBytes(1, 1));
      const sessions = [
        session,
        await stage.within(server.accept(), 'two'),
        await stage.within(server.accept(), 'three'),
      ];
      const operation = await stage.within(session.receiveSubmit(), 'the submit');
      const { signal } = operation;
      peer.send(packetOf(MessageType.Close));
      await stage.within(operation.finished, 'the work to be over');
      check.equal([signal.aborted, operation.abortReason?.code], [true, 'NNRP_ERR_CLOSED'], 'the work in flight');
      for (const each of sessions) check.equal(each.state, 'closed', `session ${each.sessionId}`);
      await peer.expect(MessageType.SessionOpenAck, 2);
      await peer.expect(MessageType.SessionOpenAck, 3);
      await peer.over();
      check.equal([bystander.state, server.sessionCount], ['open', 1], 'the other connection');

      const scripted = await stage.scripted();
      const one = await stage.openScripted(scripted, { sessionId: 1 });
      const two = await stage.openScripted(scripted, { sessionId: 2, serverSessionTag: 2n });
      const pending = stage.later(one.submitNow('prompt').result());
      await scripted.peer.expect(MessageType.FrameSubmit, 1, 1);
      scripted.peer.send(packetOf(MessageType.Close));
      await check.rejects(stage.within(pending, 'the operation to fail'), 'NNRP_ERR_CLOSED', 'work of our client');
      check.equal([one.state, two.state], ['closed', 'closed'], 'sessions of our client');
    },
  },
];
