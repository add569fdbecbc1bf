import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { SessionExpired } from '../../../src/server/contract/server-events.js';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer, resumableOpenBytes } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';
import { openAck, openBytes, submitBytes } from '../../support/wire-packets.js';

const stage = new Stage();
afterEach(() => stage.clear());

const NO_TOKEN = new Uint8Array(0);

/** A session that has ended, whose client has not got its end: the client may come for it. */
async function unfetched() {
  const server = await stage.serve();
  const peer = await ResumablePeer.open(stage, server);
  const session = await server.accept();
  peer.answersPings = false;
  peer.submit(1);
  await (await session.receiveSubmit()).complete('last');
  await session.close();
  return { server, peer };
}

describe('a resume that makes no sense', () => {
  it('is refused on the connection that the session is on, and the session goes on there', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    const { token, sessionId } = peer;
    expect(await peer.ask({ sessionId, token, received: 0 })).toBe('refused resume_rejected');
    peer.submit(1);
    await (await session.receiveSubmit()).complete('here');
    expect(await peer.next()).toBe('result 1 here');
    expect([server.sessionCount, server.connectionCount, server.suspendedCount]).toEqual([1, 1, 0]);
    // It was no use of the token either.
    expect(await peer.resume({ token })).toBe(`resumed ${sessionId}`);
  });

  it('that cannot be by its position costs the connection that the session is on nothing', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    const { raw } = peer;
    expect(await peer.resume({ received: 100 })).toBe('refused resume_rejected');
    peer.raw = raw;
    peer.submit(1);
    await (await session.receiveSubmit()).complete('alive');
    expect(await peer.next()).toBe('result 1 alive');
  });

  it.each([0, 3, 7, 9])('is refused when its position has %i bytes', async (length) => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    await server.accept();
    peer.lose();
    await eventually(() => server.suspendedCount === 1, 'the session is suspended');
    const position = { type: preview3.RESUME_POSITION_EXTENSION, critical: false, payload: new Uint8Array(length) };
    const block = preview3.encodeControlExtensions([position]);
    const { sessionId, token } = peer;
    const body = new Uint8Array(Buffer.concat([token, block]));
    const raw = await stage.peer(server);
    raw.send(
      openBytes(
        {
          requestedSessionId: sessionId,
          sessionFlags: preview3.SessionFlags.AllowResume,
          resumeTokenBytes: token.length,
          sessionExtensionBytes: block.length,
        },
        body,
      ),
    );
    expect(openAck(await raw.next()).sessionErrorCode).toBe(preview3.SessionErrorCode.ResumeRejected);
    expect(await peer.resume()).toBe(`resumed ${sessionId}`);
  });

  it('is refused when the session is given up by the takeover itself', async () => {
    const expired: SessionExpired[] = [];
    const server = await stage.serve({ maxSuspendedBytesTotal: 64 * 1024 });
    server.on('sessionExpired', (event) => expired.push(event));
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.answersPings = false;
    peer.submit(1);
    const operation = await session.receiveSubmit();
    for (let part = 0; part < 10; part++) await operation.push('x'.repeat(20_000));
    await peer.nextOf(10);
    expect(await peer.resume({ received: 0 })).toBe('refused resume_rejected');
    await eventually(() => expired.length === 1, 'the session is given up');
    expect([server.sessionCount, server.suspendedCount, operation.signal.aborted]).toEqual([0, 0, true]);
    // The connection that asked is none the worse.
    expect(await peer.ask({ sessionId: 0, token: NO_TOKEN })).toContain('opened');
  });
});

describe('the id of a session that is over, and not yet fetched', () => {
  it('is not given to a stranger that asks for it, and its client finds the rest', async () => {
    const { server, peer } = await unfetched();
    peer.lose();
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    const stranger = new ResumablePeer(stage, server, await stage.peer(server));
    expect(await stranger.ask({ sessionId: 1, token: NO_TOKEN })).toMatch(/^refused/);
    expect(await peer.resume()).toBe('resumed 1');
    expect(await peer.nextOf(2)).toEqual(['result 1 last', 'close normal']);
  });

  it('is not given to a stranger while its connection lives either, but to its own client it is', async () => {
    const { server, peer } = await unfetched();
    const stranger = new ResumablePeer(stage, server, await stage.peer(server));
    expect(await stranger.ask({ sessionId: 1, token: NO_TOKEN })).toMatch(/^refused/);
    peer.raw.send(resumableOpenBytes({ sessionId: 1, token: NO_TOKEN }));
    expect(await peer.nextOf(3)).toEqual(['result 1 last', 'close normal', 'opened 1']);
  });
});

it('an id that is used again and again leaves the newest session alone to be fetched', async () => {
  const server = await stage.serve();
  const peer = await ResumablePeer.open(stage, server);
  peer.answersPings = false;
  for (let round = 1; round <= 5; round++) {
    const session = await server.accept();
    peer.submit(1, `work ${round}`);
    await (await session.receiveSubmit()).complete(`last ${round}`);
    await session.close();
    if (round < 5) peer.raw.send(resumableOpenBytes({ sessionId: 1, token: NO_TOKEN }));
  }
  peer.lose();
  await eventually(() => server.connectionCount === 0, 'the connection is gone');
  expect(server.stats().suspendedSessions?.value).toBe(1);
});

describe('a peer that answers no PING', () => {
  const PART = 'x'.repeat(64 * 1024);

  it('holds up what can be resumed alone: another session of its connection goes on', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    await server.accept();
    peer.answersPings = false;
    peer.raw.send(openBytes({ requestedSessionId: 77 }));
    expect(openAck(await peer.raw.next()).sessionId).toBe(77);
    const plain = await server.accept();
    peer.raw.send(submitBytes(77, 1));
    const operation = await plain.receiveSubmit();
    // Twice as much as may be unconfirmed.
    const pushing = (async () => {
      for (let part = 0; part < 256; part++) await operation.push(PART);
      await operation.complete('all');
    })();
    for (let part = 0; part < 256; part++) expect(await peer.next()).toBe(`partial 1 ${PART}`);
    expect(await peer.next()).toBe('result 1 all');
    await pushing;
  });

  it('is cut, also while results wait here for what it does not confirm', async () => {
    const server = await stage.serve({ keepAliveMs: 50, pingTimeoutMs: 300 });
    const lost = new Promise<unknown>((resolve) => server.once('connectionLost', resolve));
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.answersPings = false;
    peer.submit(1);
    const operation = await session.receiveSubmit();
    for (let part = 0; part < 200; part++) operation.push(PART).catch(() => {});
    const reading = (async () => {
      for (;;) await peer.next();
    })().catch(() => {});
    expect(await lost).toMatchObject({ error: { code: 'NNRP_ERR_TIMEOUT' } });
    await reading;
    expect(server.suspendedCount).toBe(1);
  });
});
