import { SESSION_TRANSITIONS, SessionLifecycle } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { closeAckBytes, closeBytes, decoded, openAckBytes, openBytes, submitBytes, WIRE } from '../wire-messages.js';

const {
  CloseStatus,
  MessageType,
  SessionErrorCode,
  SessionFlags,
  SessionFlagsAck,
  SessionPriorityClass,
  SessionStatus,
} = preview3;

/** Cases of opening and closing one session. */
export const SESSION_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.session.open_close',
    exercised:
      'A raw peer opens session 42 on a live server, works, closes and is confirmed; our client does the same ' +
      'with our server; both sides agree on id, profile and watermark, and the id can be opened again.',
    async run(check: Checks, stage) {
      const server = await stage.serve();
      const { peer, session } = await stage.openPeer(server, { requestedSessionId: 42 });
      check.equal(session.sessionId, 42, 'the id on the server');
      peer.send(submitBytes(42, 1));
      await (await stage.within(session.receiveSubmit(), 'the submit')).complete('delta');
      await peer.expect(MessageType.ResultPush, 42, 1);
      peer.send(closeBytes(42, { lastOperationId: 1n }));
      await session.ackClose(await stage.within(session.receiveClose(), 'the close'));
      const ack = decoded(WIRE.closeAck, await peer.expect(MessageType.SessionCloseAck, 42));
      check.equal<unknown>(
        { ...ack },
        { closeStatus: 2, lastOperationId: 1n, sessionErrorCode: 0 },
        'the confirmation',
      );
      check.equal(server.sessionCount, 0, 'sessions after the close');
      peer.send(openBytes({ requestedSessionId: 42 }));
      await peer.expect(MessageType.SessionOpenAck, 42);
      await stage.within(server.accept(), 'the second session');

      const client = await stage.connect(server);
      const opened = await stage.within(client.openSession({ requestedSessionId: 43 }), 'the session of our client');
      const other = await stage.within(server.accept(), 'the session of our client');
      check.equal([opened.sessionId, opened.ack.acceptedProfileId], [43, other.clientOpen.profileId], 'id and profile');
      const closing = stage.later(opened.close());
      await other.ackClose(await stage.within(other.receiveClose(), 'the close of our client'));
      await stage.within(closing, 'the close to be confirmed');
      check.equal([opened.state, other.state], ['closed', 'closed'], 'both ends');
    },
  },
  {
    id: 'l1.session.open.fixed_metadata.validation',
    exercised:
      'Requests whose fixed fields a live server must weigh: profile, schema, parallelism, priority, flags, id 0, ' +
      'id in use, lengths that the body does not have. Each gets the session_error_code or grant of the ' +
      'specification.',
    async run(check: Checks, stage) {
      const server = await stage.serve();
      const ask = async (open: Partial<preview3.SessionOpen>) => {
        const peer = await stage.peer(server);
        peer.send(openBytes({ requestedSessionId: 0, ...open }));
        return decoded(WIRE.openAck, await peer.expect(MessageType.SessionOpenAck));
      };
      const { ProfileUnsupported, SchemaUnsupported, SessionLimitReached } = SessionErrorCode;
      await stage.openPeer(server, { requestedSessionId: 9 });
      for (const [open, sessionErrorCode] of [
        [{ profileId: 1 }, ProfileUnsupported],
        [{ profileId: 0xffff }, ProfileUnsupported],
        [{ profileId: 1, schemaId: 5 }, ProfileUnsupported],
        [{ schemaId: 0x2000 }, SchemaUnsupported],
        [{ schemaVersion: 4 }, SchemaUnsupported],
        [{ maxInFlightOperations: 5 }, SessionLimitReached],
        [{ requestedSessionId: 9 }, SessionLimitReached],
      ] as const) {
        const rejected = {
          sessionStatus: SessionStatus.Rejected,
          sessionErrorCode,
          sessionId: 0,
          serverSessionTag: 0n,
        };
        check.fields(await ask(open), rejected, JSON.stringify(open));
      }
      const granted = await ask({ priorityClass: SessionPriorityClass.Background, maxInFlightOperations: 0 });
      const wishes = { sessionStatus: 0, acceptedPriorityClass: 2, maxInFlightOperations: 4 } as const;
      check.fields(granted, wishes, 'a grant');
      check.ok(granted.sessionId !== 0 && granted.sessionId !== 9, 'a free id for the wish 0');
      const flags = await ask({ sessionFlags: SessionFlags.AllowResume | SessionFlags.AllowCacheLeases });
      check.equal<number>(
        flags.sessionFlagsAck,
        SessionFlagsAck.ResumeEnabled,
        'flags that are not granted are not confirmed',
      );
      const peer = await stage.peer(server);
      peer.send(openBytes({ authBytes: 4 }, Uint8Array.of(1, 2, 3)));
      check.equal(decoded(WIRE.error, await peer.expect(MessageType.Error)).isFatal, 1, 'a body of the wrong length');
    },
  },
  {
    id: 'l1.session.open_ack.fixed_metadata.validation',
    exercised:
      'Our client is answered by a scripted server with acknowledgements that contradict themselves, their header ' +
      'or the request (LIFE-1, LIFE-2, RESACK-1, another id, another header id) and refuses each with the reason; ' +
      'refusals and retry_later hand out their code, and the connection opens the next session.',
    async run(check: Checks, stage) {
      const bad: readonly (readonly [string, Partial<preview3.SessionOpenAck>])[] = [
        ['LIFE-1', { sessionId: 0 }],
        ['LIFE-2', { sessionStatus: SessionStatus.Rejected, sessionErrorCode: SessionErrorCode.AuthFailed }],
        ['RESACK-1', { sessionFlagsAck: SessionFlagsAck.ResumeEnabled }],
        ['session', { sessionId: 2, serverSessionTag: 2n }],
      ];
      const otherHeader = openAckBytes();
      new DataView(otherHeader.buffer).setUint32(20, 2, true);
      const answers = [
        ...bad.map(([named, ack]) => [named, openAckBytes(ack)] as const),
        ['header', otherHeader] as const,
      ];
      for (const [named, answer] of answers) {
        const { client, peer } = await stage.scripted();
        const opening = stage.later(client.openSession({ requestedSessionId: 1 }));
        await peer.expect(MessageType.SessionOpen);
        peer.send(answer);
        const error = await check.rejects(stage.within(opening, 'the refusal'), 'NNRP_ERR_PROTOCOL', named);
        check.ok(error.message.includes(named), `${named} is named in: ${error.message}`);
        await peer.expect(MessageType.Error);
      }
      const { client, peer } = await stage.scripted();
      const refused = stage.later(client.openSession());
      await peer.expect(MessageType.SessionOpen);
      const { PriorityRejected: sessionErrorCode } = SessionErrorCode;
      peer.send(openAckBytes({ sessionId: 0, sessionStatus: SessionStatus.Rejected, sessionErrorCode }));
      const error = await check.rejects(stage.within(refused, 'the refusal'), 'NNRP_ERR_SESSION_REFUSED', 'a refusal');
      check.equal((error as { wireCode?: number }).wireCode, 0x00010004, 'its code');
      const later = stage.later(client.openSession());
      await peer.expect(MessageType.SessionOpen);
      peer.send(openAckBytes({ sessionId: 0, sessionStatus: SessionStatus.RetryLater, sessionErrorCode: 0x00010007 }));
      const retry = await check.rejects(stage.within(later, 'the answer'), 'NNRP_ERR_RETRY_LATER', 'retry_later');
      check.equal((retry as { wireCode?: number }).wireCode, 0x00010007, 'its code, too');
      const session = await stage.openScripted({ client, peer }, { sessionId: 3, grantedOperationCredit: 9 });
      check.fields(session.ack, { sessionId: 3, grantedOperationCredit: 9 }, 'the next session on the connection');
    },
  },
  {
    id: 'l1.session.close.state_machine.validation',
    exercised:
      'Walks our client through closing, draining and closed by scripted SESSION_CLOSE_ACKs, and back to open by ' +
      'a rejected one; an unasked acknowledgement changes nothing; a live server drains with draining before ' +
      'closed and drops a submit that comes after the close.',
    async run(check: Checks, stage) {
      const scripted = await stage.scripted();
      const session = await stage.openScripted(scripted);
      const { client, peer } = scripted;
      const strays = client.events()[Symbol.asyncIterator]();
      peer.send(closeAckBytes(1, CloseStatus.Closed));
      const { value } = await stage.within(strays.next(), 'the unasked acknowledgement to be reported');
      check.equal([value?.type, session.state], ['stray', 'open'], 'after an acknowledgement that nobody asked for');
      const refused = stage.later(session.close());
      check.equal(session.state, 'closing', 'after the close');
      await peer.expect(MessageType.SessionClose, 1);
      peer.send(closeAckBytes(1, CloseStatus.Rejected, SessionErrorCode.AuthFailed));
      await check.rejects(stage.within(refused, 'the answer'), 'NNRP_ERR_CLOSE_REJECTED', 'a rejected close');
      check.equal(session.state, 'open', 'after a rejected close');
      const closing = stage.later(session.close({ drainTimeoutMs: 1000 }));
      await peer.expect(MessageType.SessionClose, 1);
      const events = session.events()[Symbol.asyncIterator]();
      for (const [status, state] of [
        [CloseStatus.Acknowledged, 'closing'],
        [CloseStatus.Draining, 'draining'],
        [CloseStatus.Acknowledged, 'draining'],
      ] as const) {
        peer.send(closeAckBytes(1, status));
        await stage.within(events.next(), 'the acknowledgement to be reported');
        check.equal(session.state, state, `after status ${status}`);
      }
      peer.send(closeAckBytes(1, CloseStatus.Closed));
      await stage.within(closing, 'the close');
      check.equal(session.state, 'closed', 'after closed');

      const { peer: raw, session: serverSession } = await stage.openAnnounced(await stage.serve());
      raw.send(submitBytes(1, 1));
      const operation = await stage.within(serverSession.receiveSubmit(), 'the submit');
      raw.send(closeBytes(1, { drainTimeoutMs: 5000 }), submitBytes(1, 2));
      const request = await stage.within(serverSession.receiveClose(), 'the close');
      const done = stage.later(serverSession.ackClose(request));
      await raw.expectExplainedDrop(preview3.ErrorCode.FrameCancelled, 1, 2);
      const draining = decoded(WIRE.closeAck, await raw.expect(MessageType.SessionCloseAck, 1));
      check.equal([draining.closeStatus, serverSession.state], [CloseStatus.Draining, 'draining'], 'with work left');
      await operation.complete('late');
      await done;
      await raw.expect(MessageType.ResultPush, 1, 1);
      const closed = decoded(WIRE.closeAck, await raw.expect(MessageType.SessionCloseAck, 1));
      check.equal<number>(closed.closeStatus, CloseStatus.Closed, 'when the work is done');
      const machine = new SessionLifecycle(1);
      check.equal(machine.closeAnswered(CloseStatus.Closed)?.kind, 'session_not_closing', 'the machine, unasked');
      check.equal(Object.keys(SESSION_TRANSITIONS.closed), ['end'], 'what still moves a closed session');
    },
  },
];
