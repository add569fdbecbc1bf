import { afterEach, expect, it } from 'vitest';
import type { NnrpServer } from '../../../src/server/server.js';
import { described } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import type { RawPeer } from '../../support/raw-peer.js';
import { ResumablePeer, resumableOpenBytes } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** Of the wrong tokens for one session so many are answered at once. */
const AT_ONCE = 10;
/** The last of so many is answered after three seconds. */
const MANY = AT_ONCE + 7;

/** Connections that each present a wrong token for a session. */
async function guess(server: NnrpServer, sessionId: number, count: number): Promise<RawPeer[]> {
  const guessers: RawPeer[] = [];
  for (let guesser = 0; guesser < count; guesser++) {
    const peer = await stage.peer(server);
    peer.send(resumableOpenBytes({ sessionId, token: new Uint8Array(24).fill(guesser), received: 0 }));
    guessers.push(peer);
  }
  return guessers;
}

const answers = (guessers: readonly RawPeer[]) => guessers.filter(({ received }) => received.length > 0).length;

// Without a limit by address, as behind a proxy: then what limits is the session.
const serve = () => stage.serve({ refusalsPerAddress: 0 });

it('many wrong tokens for one session are answered ever later, and the right one at once', async () => {
  const server = await serve();
  const owner = await ResumablePeer.open(stage, server);
  const session = await server.accept();
  owner.lose();
  await eventually(() => server.suspendedCount === 1, 'the session is suspended');
  const guessers = await guess(server, session.sessionId, MANY);
  await eventually(() => answers(guessers) >= AT_ONCE, 'the first are answered');
  const last = guessers.at(-1) as RawPeer;
  expect(await owner.resume()).toBe(`resumed ${session.sessionId}`);
  expect(last.received).toEqual([]);
  expect(server.stats().sessionRefusals).toMatchObject({ scope: 'session', bound: 50 });
  expect(server.stats().sessionRefusals?.hits).toBeGreaterThan(0);
  // The answer comes, and the connection lives.
  expect(described(await last.next())).toBe('refused resume_rejected');
  await last.open(session.sessionId + 1000);
});

it('a session that does not exist is guessed at as slowly', async () => {
  const server = await serve();
  const guessers = await guess(server, 4711, MANY);
  await eventually(() => answers(guessers) >= AT_ONCE, 'the first are answered');
  const other = await guess(server, 4712, 1);
  // Another session has its own count.
  expect(described(await (other[0] as RawPeer).next())).toBe('refused resume_rejected');
  expect(guessers.at(-1)?.received).toEqual([]);
});

it('an attempt that its client has given up, and that comes behind a later one, is refused and counts as no guess', async () => {
  const server = await stage.serve();
  const owner = await ResumablePeer.open(stage, server);
  const session = await server.accept();
  const { token, sessionId } = owner;
  owner.lose();
  await eventually(() => server.suspendedCount === 1, 'the session is suspended');
  expect(await owner.resume()).toBe(`resumed ${sessionId}`);
  // It is heard of the new connection, and so has the new token.
  owner.submit(1);
  await (await session.receiveSubmit()).complete('here');
  expect(await owner.next()).toBe('result 1 here');
  for (let late = 0; late < 2 * MANY; late++) {
    const peer = await stage.peer(server);
    peer.send(resumableOpenBytes({ sessionId, token, received: 0 }));
    expect(described(await peer.next())).toBe('refused resume_rejected');
  }
  expect(server.stats()).toMatchObject({
    addressRefusals: { value: 0, hits: 0 },
    sessionRefusals: { value: 0, hits: 0 },
  });
  // The session goes on where it is.
  owner.submit(2);
  await (await session.receiveSubmit()).complete('still here');
  expect(await owner.next()).toBe('result 2 still here');
});

it('a token of long ago is a guess like any other', async () => {
  const server = await stage.serve();
  const owner = await ResumablePeer.open(stage, server);
  const session = await server.accept();
  const { token, sessionId } = owner;
  for (let frame = 1; frame <= 2; frame++) {
    expect(await owner.resume()).toBe(`resumed ${sessionId}`);
    owner.submit(frame);
    await (await session.receiveSubmit()).complete('here');
    expect(await owner.next()).toBe(`result ${frame} here`);
  }
  const peer = await stage.peer(server);
  peer.send(resumableOpenBytes({ sessionId, token, received: 0 }));
  expect(described(await peer.next())).toBe('refused resume_rejected');
  expect(server.stats()).toMatchObject({ sessionRefusals: { value: 1 } });
});
