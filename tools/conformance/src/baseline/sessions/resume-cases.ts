import * as preview3 from 'nnrp-core/preview3';
import { bytesOf } from '../../golden-vectors.js';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { checkGolden, openDecision, positive, vectorBytes } from '../golden.js';
import { DEFAULT_OPEN, decoded, openBytes, packetOf, submitBytes, WIRE, wireBytes } from '../wire-messages.js';

const { MessageType, SessionErrorCode, SessionFlags, SessionStatus } = preview3;
const RESUMABLE = { requestedSessionId: 77, sessionFlags: SessionFlags.AllowResume };
const REJECTED = {
  sessionId: 0,
  sessionStatus: SessionStatus.Rejected,
  sessionErrorCode: SessionErrorCode.ResumeRejected,
  resumeTokenBytes: 0,
  sessionFlagsAck: 0,
};

/** Cases of recovery: its bytes, and its refusal. */
export const RESUME_CASES: readonly BaselineCase[] = [
  {
    id: 'l0.session_resume.metadata.golden',
    exercised:
      'Decodes and encodes two golden resume requests, whose token rules RES-1 and RES-2 hold; a live server ' +
      'reads the golden request packet, which announces a token and carries none, and refuses it with ' +
      'resume_rejected.',
    async run(check: Checks, stage) {
      for (const name of ['golden.session_open.resume_request', 'recipe.p3.session_open.resume_request']) {
        const open = checkGolden(check, name) as unknown as preview3.SessionOpen;
        check.equal(preview3.checkRecoveryRequest(open), undefined, `${name} may ask to resume`);
        const bare = preview3.checkRecoveryRequest({ ...open, sessionFlags: 0 });
        check.equal<unknown>(bare, { kind: 'invalid_combination', rule: 'RES-1' }, 'without allow_resume');
        const nobody = preview3.checkRecoveryRequest({ ...open, requestedSessionId: 0 });
        check.equal<unknown>(nobody, { kind: 'invalid_combination', rule: 'RES-2' }, 'without an id');
      }
      const peer = await stage.peer(await stage.serve());
      peer.send(vectorBytes(positive('packet.session_open.resume_no_body')));
      check.fields(decoded(WIRE.openAck, await peer.expect(MessageType.SessionOpenAck, 0)), REJECTED, 'the answer');
    },
  },
  {
    id: 'l0.session_resume_ack.resumed.golden',
    exercised:
      'Decodes and encodes the golden acknowledgement of a resumed session, which means resumed to the one who ' +
      'asked and breaks RESACK-2 to the one who did not: our client, which asked for no resume, refuses it on the ' +
      'wire.',
    async run(check: Checks, stage) {
      const ack = checkGolden(check, 'recipe.p3.session_open_ack.resumed') as unknown as preview3.SessionOpenAck;
      const open = { ...DEFAULT_OPEN, requestedSessionId: 42, sessionFlags: 1, resumeTokenBytes: 24 };
      const outcome = { outcome: 'resumed', windowMs: 60_000 };
      check.equal<unknown>(preview3.recoveryOutcome(open, ack), outcome, 'what it means to who asked');
      check.equal<unknown>(preview3.openAckOutcome(ack), { outcome: 'resumed' }, 'the session that it installs');
      const { client, peer } = await stage.scripted();
      const opening = stage.later(client.openSession({ requestedSessionId: 42 }));
      await peer.expect(MessageType.SessionOpen);
      const bytes = vectorBytes(positive('recipe.p3.session_open_ack.resumed'));
      peer.send(packetOf(MessageType.SessionOpenAck, 42, 0, bytes));
      const error = await check.rejects(stage.within(opening, 'the refusal'), 'NNRP_ERR_PROTOCOL', 'not asked for');
      check.ok(error.message.includes('RESACK-2'), `the rule is named in: ${error.message}`);
      check.equal(decoded(WIRE.error, await peer.expect(MessageType.Error)).isFatal, 1, 'what the server is told');
    },
  },
  {
    id: 'l0.session_resume_ack.rejected.golden',
    exercised:
      'Decodes and encodes the golden rejection, whose meaning is resume_rejected and whose session id breaks ' +
      'LIFE-2; a live server answers a golden resume request for an unknown session with exactly the golden ' +
      'rejection packet.',
    async run(check: Checks, stage) {
      const name = 'recipe.p3.session_open_ack.resume_rejected';
      const ack = checkGolden(check, name) as unknown as preview3.SessionOpenAck;
      const open = { ...DEFAULT_OPEN, requestedSessionId: 42, sessionFlags: 1, resumeTokenBytes: 24 };
      const outcome = { outcome: 'resume_rejected', windowMs: 0 };
      check.equal<unknown>(preview3.recoveryOutcome(open, ack), outcome, 'what it means');
      const installed = preview3.openAckOutcome(ack);
      const broken = { outcome: 'fault', fault: { kind: 'invalid_combination', rule: 'LIFE-2' } };
      check.equal<unknown>(installed, broken, 'a rejection that names a session');
      const { open_hex, ack_packet_hex = '' } = openDecision('open.resume_unknown');
      const peer = await stage.peer(await stage.serve());
      peer.send(packetOf(MessageType.SessionOpen, 0, 0, bytesOf(open_hex)));
      check.bytes(
        wireBytes(await peer.expect(MessageType.SessionOpenAck)),
        ack_packet_hex,
        'the rejection on the wire',
      );
    },
  },
  {
    id: 'l1.session.resume.from_operation.validation',
    exercised:
      'A resumable session is announced with a token of 24 bytes; its connection is lost while frame 4 is worked on, ' +
      'after frames 1 to 3 were answered. The work goes on; a resume with the token is granted on another connection, ' +
      'with a new token, the watermark of the session and the number of packets received; exactly the results that ' +
      'the peer has not got follow, frame 3 stays used, frame 5 is worked on, and the token is no good again.',
    async run(check: Checks, stage) {
      const server = await stage.serve();
      const first = await stage.peer(server);
      first.answersPings = true;
      first.send(openBytes({ ...RESUMABLE, sessionExtensionBytes: announced().length }, announced()));
      const granted = await first.expect(MessageType.SessionOpenAck, 77);
      const session = await stage.within(server.accept(), 'a session to be accepted');
      check.fields(decoded(WIRE.openAck, granted), { resumeTokenBytes: 24, sessionFlagsAck: 1 }, 'announced');
      const token = new Uint8Array(granted.body.subarray(0, 24));
      for (let frameId = 1; frameId <= 3; frameId++) {
        first.send(submitBytes(77, frameId));
        await (await stage.within(session.receiveSubmit(), 'the submit')).complete('done');
        await first.expect(MessageType.ResultPush, 77, frameId);
      }
      first.send(submitBytes(77, 4));
      const operation = await stage.within(session.receiveSubmit(), 'frame 4');
      await operation.push('one');
      await first.expect(MessageType.ResultPush, 77, 4);
      first.destroy();
      await stage.within(new Promise((resolve) => server.once('sessionSuspended', resolve)), 'the suspension');
      check.equal(session.state, 'suspended', 'the state of the session');
      await operation.push('two');
      await operation.complete('three');

      const again = await stage.peer(server);
      again.answersPings = true;
      again.send(resumeBytes(token, 4));
      const packet = await again.expect(MessageType.SessionOpenAck, 77);
      const resumed = { sessionStatus: SessionStatus.Resumed, sessionErrorCode: 0, resumeTokenBytes: 24 };
      check.fields(decoded(WIRE.openAck, packet), resumed, 'the attempt');
      check.ok(!Buffer.from(packet.body.subarray(0, 24)).equals(token), 'the token is another one');
      check.equal(positionIn(packet.body.subarray(24)), 4, 'packets that the server says it has received');
      for (const text of ['two', 'three']) {
        const result = await again.expect(MessageType.ResultPush, 77, 4);
        check.equal(new TextDecoder().decode(result.body), text, 'what was said meanwhile');
      }
      check.equal(session.state, 'resumed', 'the state of the session');
      check.equal(session.record.lastOperationId, 4, 'the watermark of the session');
      again.send(submitBytes(77, 3));
      check.equal(decoded(WIRE.error, await again.expect(MessageType.Error, 77, 3)).errorScope, 2, 'frame 3 once more');
      again.send(submitBytes(77, 5));
      await (await stage.within(session.receiveSubmit(), 'frame 5')).complete('done');
      await again.expect(MessageType.ResultPush, 77, 5);

      const thief = await stage.peer(server);
      thief.send(resumeBytes(token, 4));
      check.fields(decoded(WIRE.openAck, await thief.expect(MessageType.SessionOpenAck, 0)), REJECTED, 'the old token');
      check.equal(session.state, 'resumed', 'the session, untouched');
    },
  },
  {
    id: 'l1.session.resume.rejected.validation',
    exercised:
      'Attempts to resume a resumable session that lives, one that is not resumable, one that nobody knows, and ' +
      'ones that break RES-1 and RES-2: each is answered with resume_rejected, none harms the living session, and ' +
      'the same connection opens a new session at once.',
    async run(check: Checks, stage) {
      const server = await stage.serve();
      const { peer: holder, session } = await stage.openPeer(server, RESUMABLE);
      await stage.openPeer(server, { requestedSessionId: 78 });
      const attempts: Partial<preview3.SessionOpen>[] = [
        { ...RESUMABLE, resumeTokenBytes: 24 },
        { ...RESUMABLE, requestedSessionId: 78, resumeTokenBytes: 24 },
        { ...RESUMABLE, requestedSessionId: 79, resumeTokenBytes: 1 },
        { requestedSessionId: 77, resumeTokenBytes: 24 },
        { ...RESUMABLE, requestedSessionId: 0, resumeTokenBytes: 24 },
      ];
      for (const attempt of attempts) {
        for (const token of [undefined, new Uint8Array(attempt.resumeTokenBytes ?? 0)]) {
          const peer = await stage.peer(server);
          peer.send(openBytes(attempt, token));
          const ack = decoded(WIRE.openAck, await peer.expect(MessageType.SessionOpenAck, 0));
          check.fields(ack, REJECTED, `session ${attempt.requestedSessionId}`);
          peer.send(openBytes({ requestedSessionId: 0 }));
          const next = decoded(WIRE.openAck, await peer.expect(MessageType.SessionOpenAck));
          check.equal(next.sessionStatus, SessionStatus.Opened, 'the next request on the connection');
        }
      }
      check.equal(session.state, 'open', 'the session that was to be resumed');
      check.equal((await holder.settled()).length, 0, 'what its client was told');
    },
  },
];

/** The extension block of a peer that can resume. @param received - packets that it has, when it resumes */
function announced(received?: number): Uint8Array {
  const entries = [
    { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
    ...(received === undefined
      ? []
      : [
          {
            type: preview3.RESUME_POSITION_EXTENSION,
            critical: false,
            payload: preview3.encodeResumePosition(received),
          },
        ]),
  ];
  return preview3.encodeControlExtensions(entries);
}

function resumeBytes(token: Uint8Array, received: number): Uint8Array {
  const block = announced(received);
  const open = { ...RESUMABLE, resumeTokenBytes: token.length, sessionExtensionBytes: block.length };
  return openBytes(open, new Uint8Array(Buffer.concat([token, block])));
}

function positionIn(block: Uint8Array): number | undefined {
  const entries = preview3.decodeControlExtensions(block);
  const entry = entries.find(({ type }) => type === preview3.RESUME_POSITION_EXTENSION);
  return entry && preview3.decodeResumePosition(entry.payload);
}
