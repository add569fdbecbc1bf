import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** Above what is copied at once. */
const BODY_BYTES = 100_000;

const transfer = (body: Uint8Array<ArrayBuffer>) => structuredClone(body.buffer, { transfer: [body.buffer] });

async function submitted() {
  const server = await stage.serve();
  const peer = await ResumablePeer.open(stage, server);
  const session = await server.accept();
  peer.submit(1);
  return { server, peer, session, operation: await session.receiveSubmit() };
}

const away = (server: { readonly suspendedCount: number }) =>
  eventually(() => server.suspendedCount === 1, 'the session is suspended');

describe('a long body that its handler transfers', () => {
  it('after it was given while the client is away arrives whole', async () => {
    const { server, peer, operation } = await submitted();
    peer.lose();
    await away(server);
    const body = new Uint8Array(BODY_BYTES).fill(0x61);
    await operation.push(body);
    transfer(body);
    await operation.complete('end');
    await peer.resume();
    expect(await peer.nextOf(2)).toEqual([`partial 1 ${'a'.repeat(BODY_BYTES)}`, 'result 1 end']);
  });

  it('while it waits for a client that is lost then costs its frame, which does not end well without it', async () => {
    const { server, peer, session, operation } = await submitted();
    peer.raw.socket.pause();
    const pushing: Promise<unknown>[] = [];
    // More than the transport and the network take.
    for (let part = 0; part < 100; part++) pushing.push(operation.push(new Uint8Array(BODY_BYTES).fill(0x61)));
    const body = new Uint8Array(BODY_BYTES).fill(0x62);
    pushing.push(operation.push(body));
    pushing.push(operation.complete('end'));
    for (const push of pushing) push.catch(() => {});
    transfer(body);
    peer.lose();
    await away(server);
    await peer.resume();
    let last = '';
    while (!/^(result|error|drop)/.test(last)) last = await peer.next();
    expect([last, await peer.next()]).toEqual(['error frame 1 internal_error', 'drop 1']);
    // The session is none the worse.
    peer.submit(2);
    await (await session.receiveSubmit()).complete('next');
    expect(await peer.next()).toBe('result 2 next');
  });
});
