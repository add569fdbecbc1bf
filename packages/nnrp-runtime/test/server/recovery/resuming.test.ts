import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { SessionExpired, SessionResumed, SessionSuspended } from '../../../src/server/contract/server-events.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const away = (server: NnrpServer) => eventually(() => server.suspendedCount === 1, 'the session is suspended');

describe('a session that has lost its connection', () => {
  it('goes on where it was: state, operations, answers given meanwhile', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    const operation = await session.receiveSubmit();
    peer.lose();
    await away(server);
    expect([session.state, session.isInFlight(1), operation.isOver]).toEqual(['suspended', true, false]);
    await operation.push('one');
    await operation.complete('two');
    expect(await peer.resume()).toBe(`resumed ${session.sessionId}`);
    expect(await peer.nextOf(2)).toEqual(['partial 1 one', 'result 1 two']);
    expect([session.state, server.suspendedCount, server.sessionCount]).toEqual(['resumed', 0, 1]);
    peer.submit(2);
    await (await session.receiveSubmit()).complete('three');
    expect(await peer.next()).toBe('result 2 three');
  });

  it('sends again what the client has not got, and nothing that it has', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.answersPings = false;
    peer.submit(1);
    const operation = await session.receiveSubmit();
    for (const part of ['a', 'b', 'c']) await operation.push(part);
    expect(await peer.nextOf(3)).toEqual(['partial 1 a', 'partial 1 b', 'partial 1 c']);
    peer.lose();
    await away(server);
    await operation.push('d');
    // As if the network had swallowed the last two.
    expect(await peer.resume({ received: 1 })).toContain('resumed');
    expect(await peer.nextOf(3)).toEqual(['partial 1 b', 'partial 1 c', 'partial 1 d']);
    await operation.complete('e');
    expect(await peer.next()).toBe('result 1 e');
  });

  it('tells the client what it has received', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    peer.submit(2);
    peer.cancel(2);
    await session.receiveCancel();
    peer.lose();
    await away(server);
    await peer.resume();
    expect(peer.serverReceived).toBe(3);
  });

  it('replays nothing when nothing has happened, however often', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    await (await session.receiveSubmit()).complete('once');
    expect(await peer.next()).toBe('result 1 once');
    for (let time = 0; time < 10; time++) {
      peer.lose();
      await away(server);
      expect(await peer.resume()).toContain('resumed');
    }
    peer.submit(2);
    await (await session.receiveSubmit()).complete('twice');
    expect(await peer.next()).toBe('result 2 twice');
  });

  it('survives a second loss before anything has arrived', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    const operation = await session.receiveSubmit();
    peer.lose();
    await away(server);
    await operation.complete('kept');
    for (let time = 0; time < 3; time++) {
      expect(await peer.resume()).toContain('resumed');
      peer.lose();
      await away(server);
    }
    expect(await peer.resume()).toContain('resumed');
    expect(await peer.next()).toBe('result 1 kept');
  });

  it('keeps the ids of its frames: one that was used stays used', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(5);
    await (await session.receiveSubmit()).complete('x');
    await peer.next();
    peer.lose();
    await away(server);
    await peer.resume();
    peer.submit(5);
    expect(await peer.next()).toBe('error frame 5 invalid_state');
    expect(session.record.lastOperationId).toBe(5);
  });

  it('ends when the window is over, and its handlers hear of it', async () => {
    const expired: SessionExpired[] = [];
    const server = await stage.serve({ resumeWindowMs: 50 });
    server.on('sessionExpired', (event) => expired.push(event));
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    const operation = await session.receiveSubmit();
    peer.lose();
    await eventually(() => server.sessionCount === 0, 'the session is gone');
    expect(operation.signal.aborted).toBe(true);
    expect(expired).toMatchObject([{ sessionId: session.sessionId, error: { code: 'NNRP_ERR_TRANSPORT' } }]);
    expect(await peer.resume()).toBe('refused resume_rejected');
  });

  it('is told of: suspended, resumed', async () => {
    const suspended: SessionSuspended[] = [];
    const resumed: SessionResumed[] = [];
    const server = await stage.serve();
    server.on('sessionSuspended', (event) => suspended.push(event));
    server.on('sessionResumed', (event) => resumed.push(event));
    const peer = await ResumablePeer.open(stage, server);
    const { sessionId } = await server.accept();
    peer.lose();
    await away(server);
    await peer.resume();
    expect(suspended).toMatchObject([{ sessionId, windowMs: 120_000 }]);
    expect(resumed).toMatchObject([{ sessionId }]);
  });

  it('is not kept where the client has not allowed it', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server, { open: { sessionFlags: 0 } });
    await server.accept();
    expect([peer.token.length, peer.ack?.sessionFlagsAck]).toEqual([0, 0]);
    peer.lose();
    await eventually(() => server.sessionCount === 0, 'the session is gone');
    expect(server.suspendedCount).toBe(0);
  });
});

describe('a resume', () => {
  it('takes over while the old connection lives', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    const operation = await session.receiveSubmit();
    const old = peer.raw;
    expect(await peer.resume()).toContain('resumed');
    await old.closed();
    await operation.complete('here');
    expect(await peer.next()).toBe('result 1 here');
    expect(server.sessionCount).toBe(1);
  });

  it('hands out a new token; the old one is good until the client has shown that it has the new connection', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    const first = peer.token;
    await peer.resume();
    const second = peer.token;
    expect(Buffer.compare(first, second)).not.toBe(0);
    // The acknowledgement might have been lost.
    expect(await peer.resume({ token: first })).toContain('resumed');
    const third = peer.token;
    peer.submit(1);
    await session.receiveSubmit();
    expect(await peer.resume({ token: first })).toBe('refused resume_rejected');
    expect(await peer.resume({ token: second })).toBe('refused resume_rejected');
    expect(await peer.resume({ token: third })).toContain('resumed');
  });

  it('that its client has given up may arrive after the next one, and costs the client nothing', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    const first = peer.token;
    await peer.resume({ token: first });
    const second = peer.token;
    // Sent before that, and held up by the network: the client knows nothing of it.
    await peer.resume({ token: first });
    expect(await peer.resume({ token: second })).toContain('resumed');
    peer.submit(1);
    await session.receiveSubmit();
    expect(await peer.resume({ token: first })).toBe('refused resume_rejected');
  });

  it.each<[string, (peer: ResumablePeer) => Parameters<ResumablePeer['resume']>[0]]>([
    ['wrong', ({ token }) => ({ token: token.map((byte) => byte ^ 1) })],
    ['with a wrong last byte', ({ token }) => ({ token: token.map((byte, at) => (at === 23 ? byte ^ 1 : byte)) })],
    ['cut short', ({ token }) => ({ token: token.subarray(0, 23) })],
    ['too long', () => ({ token: new Uint8Array(25) })],
    ['of another session', () => ({ sessionId: 4711 })],
  ])('is refused by a token that is %s, and the session lives on', async (_name, words) => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    const { raw } = peer;
    expect(await peer.resume(words(peer))).toBe('refused resume_rejected');
    peer.raw = raw;
    peer.submit(1);
    await (await session.receiveSubmit()).complete('alive');
    expect(await peer.next()).toBe('result 1 alive');
  });

  it.each([
    ['more than was sent', 100],
    ['less than is kept', -1],
  ])('is refused where the client has received %s', async (_name, off) => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    for (let frame = 1; frame <= 3; frame++) {
      peer.submit(frame);
      await (await session.receiveSubmit()).complete('x');
      await peer.next();
    }
    // All is confirmed by the answer to the fence.
    await eventually(
      () => peer.raw.received.some(({ messageType }) => messageType === preview3.MessageType.Ping),
      'a PING',
    );
    peer.pong();
    peer.submit(4);
    await session.receiveSubmit();
    peer.lose();
    await away(server);
    expect(await peer.resume({ received: peer.received + off })).toBe('refused resume_rejected');
    expect(server.suspendedCount).toBe(1);
  });

  it('asks the policy again, and tells it so', async () => {
    const asked: (number | undefined)[] = [];
    let isRevoked = false;
    const server = await stage.serve({
      authorize: (_open, { resumes }) => {
        asked.push(resumes);
        return !isRevoked;
      },
    });
    const peer = await ResumablePeer.open(stage, server);
    await server.accept();
    expect(await peer.resume()).toContain('resumed');
    isRevoked = true;
    expect(await peer.resume()).toBe('refused auth_failed');
    expect(asked).toEqual([undefined, peer.sessionId, peer.sessionId]);
  });

  it('asks no policy for a wrong token', async () => {
    let asked = 0;
    const server = await stage.serve({
      authorize: () => {
        asked++;
        return true;
      },
    });
    const peer = await ResumablePeer.open(stage, server);
    await server.accept();
    await peer.resume({ token: new Uint8Array(24) });
    expect(asked).toBe(1);
  });

  it('of which there are two at once: one wins', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    await server.accept();
    peer.lose();
    await away(server);
    const other = new ResumablePeer(stage, server, peer.raw, peer.sessionId);
    other.token = peer.token;
    const answers = await Promise.allSettled([peer.resume(), other.resume()]);
    // The second one takes over from the first, which has not shown that it has its new token, and may never hear of it.
    const heard = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    expect(heard).toContain(`resumed ${peer.sessionId}`);
    expect(server.sessionCount).toBe(1);
    await eventually(() => server.suspendedCount === 0, 'it has a connection');
  });

  it('is refused for another profile or schema', async () => {
    const server = await stage.serve({ supportedProfiles: [2, 1] });
    const peer = await ResumablePeer.open(stage, server);
    await server.accept();
    expect(await peer.resume({ open: { profileId: 1 } })).toBe('refused resume_rejected');
  });

  it('by a length without bytes is refused, unless the server is told to accept it', async () => {
    const announce = {
      token: new Uint8Array(0),
      announced: false,
      received: undefined,
      open: { resumeTokenBytes: 24 },
    };
    const strict = await stage.serve();
    const peer = await ResumablePeer.open(stage, strict, { announced: false });
    await strict.accept();
    expect(await peer.resume(announce)).toBe('refused resume_rejected');
    const lenient = await stage.serve({ acceptAnnouncedResume: true });
    const other = await ResumablePeer.open(stage, lenient, { announced: false });
    await lenient.accept();
    expect(await other.resume(announce)).toContain('resumed');
  });

  it('by a client that announces nothing goes on, and brings what came while it was away', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server, { announced: false });
    const session = await server.accept();
    peer.submit(1);
    const operation = await session.receiveSubmit();
    peer.lose();
    await away(server);
    await operation.complete('late');
    expect(await peer.resume({ announced: false, received: undefined })).toContain('resumed');
    expect(await peer.next()).toBe('result 1 late');
  });
});

describe('a session that ends', () => {
  it('before its client has all of it: the client may come for the rest', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.answersPings = false;
    peer.submit(1);
    await (await session.receiveSubmit()).complete('last');
    peer.close();
    await session.receiveClose();
    await session.ackClose();
    expect([server.sessionCount, session.state]).toEqual([0, 'closed']);
    peer.lose();
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    expect(await peer.resume()).toContain('resumed');
    expect(await peer.nextOf(2)).toEqual(['result 1 last', 'close ack closed']);
    expect([peer.serverReceived, server.sessionCount, server.suspendedCount]).toEqual([2, 0, 0]);
  });

  it('by its server while its client is away: the client hears of it', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.lose();
    await away(server);
    await session.close();
    expect(server.sessionCount).toBe(0);
    expect(await peer.resume()).toContain('resumed');
    expect(await peer.next()).toBe('close normal');
  });

  it('is forgotten when the client has all of it, and its id is given to others', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    const { token } = peer;
    peer.close();
    await session.receiveClose();
    await session.ackClose();
    expect(await peer.next()).toBe('close ack closed');
    const next = await ResumablePeer.open(stage, server);
    expect(next.sessionId).toBe(2);
    // Its fence says that the acknowledgement has arrived.
    await eventually(
      () => peer.raw.received.some(({ messageType }) => messageType === preview3.MessageType.Ping),
      'a PING',
    );
    peer.pong();
    expect(await peer.ask({ sessionId: 1, token, received: 1 })).toBe('refused resume_rejected');
    expect((await ResumablePeer.open(stage, server)).sessionId).toBe(1);
  });
});
