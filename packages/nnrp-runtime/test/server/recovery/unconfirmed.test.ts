import { MessageType } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';
import { packetBytes } from '../../support/wire-packets.js';

const stage = new Stage();
afterEach(() => stage.clear());

describe('what a client does not confirm', () => {
  const PART = 'x'.repeat(64 * 1024);
  const PARTS = 240;
  /** At 8 MiB the sender waits. */
  const WINDOW_PARTS = 128;

  it('holds up its stream at the window, and the stream goes on when it is confirmed', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.answersPings = false;
    peer.submit(1);
    const operation = await session.receiveSubmit();
    let pushed = 0;
    const answered = (async () => {
      for (; pushed < PARTS; pushed++) await operation.push(PART);
      await operation.complete('end');
    })();
    for (let part = 0; part < WINDOW_PARTS; part++) expect(await peer.next()).toBe(`partial 1 ${PART}`);
    await eventually(() => pushed >= WINDOW_PARTS - 1, 'as much is sent as may be');
    expect(pushed).toBeLessThan(WINDOW_PARTS + 20);
    peer.answerPings();
    for (let part = WINDOW_PARTS; part < PARTS; part++) expect(await peer.next()).toBe(`partial 1 ${PART}`);
    expect(await peer.next()).toBe('result 1 end');
    await answered;
  });

  it('of many clients that confirm nothing makes the logs of others small, and holds none of them up', async () => {
    const server = await stage.serve();
    // More than all logs may hold together before each gets less.
    for (let silent = 0; silent < 5; silent++) {
      const peer = await ResumablePeer.open(stage, server);
      const session = await server.accept();
      peer.answersPings = false;
      peer.submit(1);
      const operation = await session.receiveSubmit();
      for (let part = 0; part < PARTS; part++) operation.push(PART).catch(() => {});
      // The last ones get less already.
      for (let part = 0; part < (silent < 3 ? WINDOW_PARTS : 4); part++) await peer.next();
    }
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    const operation = await session.receiveSubmit();
    // Three of these are more than a quarter above what such a log may hold.
    const part = 'x'.repeat(110_000);
    const answered = (async () => {
      for (let count = 0; count < 50; count++) await operation.push(part);
      await operation.complete('end');
    })();
    for (let count = 0; count < 50; count++) expect(await peer.next()).toBe(`partial 1 ${part}`);
    expect(await peer.next()).toBe('result 1 end');
    await answered;
  });

  it('does not hold up answers to PINGs behind one result that is longer than the window', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.answersPings = false;
    peer.submit(1);
    const long = 'x'.repeat(12 * 1024 * 1024);
    const answered = (await session.receiveSubmit()).complete(long);
    expect(await peer.next()).toBe(`result 1 ${long}`);
    // A client whose submit was as long waits for that, and does not answer before.
    peer.raw.send(packetBytes(MessageType.Ping));
    expect(await peer.next()).toBe('pong');
    peer.answerPings();
    await answered;
  });

  it('does not keep the server from reading what it sends', async () => {
    const server = await stage.serve();
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.answersPings = false;
    peer.submit(1);
    const operation = await session.receiveSubmit();
    const pushing = (async () => {
      for (let part = 0; part < PARTS; part++) await operation.push(PART);
    })();
    for (let part = 0; part < WINDOW_PARTS; part++) await peer.next();
    peer.cancel(1);
    await eventually(() => operation.signal.aborted, 'the cancel is read');
    peer.answerPings();
    await expect(pushing).rejects.toThrow('the client cancelled frame 1');
  });
});
