import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession, OperationContext } from '../../../src/server/contract/contract.js';
import type { ServerSessionEvent } from '../../../src/server/contract/server-messages.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const enough = new Error('enough');
const DONE = { done: true, value: undefined };

/** Every way to leave a loop while it waits. */
const WAYS: Record<string, (items: AsyncIterable<unknown>) => Promise<unknown>> = {
  'return()': async (items) => {
    const loop = items[Symbol.asyncIterator]();
    const waiting = [loop.next(), loop.next()];
    expect(await loop.return?.()).toEqual(DONE);
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
    expect(await loop.next()).toEqual(DONE);
  },
  'throw()': async (items) => {
    const loop = items[Symbol.asyncIterator]();
    const waiting = loop.next();
    await expect(loop.throw?.(enough)).rejects.toBe(enough);
    expect(await waiting).toEqual(DONE);
  },
  'a stream that is destroyed': async (items) => {
    const stream = Readable.from(items);
    stream.read();
    await stage.turns(3);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
  },
  'a stream that is destroyed with an error': async (items) => {
    const stream = Readable.from(items);
    stream.read();
    await stage.turns(3);
    const failed = new Promise((resolve) => stream.once('error', resolve));
    stream.destroy(enough);
    expect(await failed).toBe(enough);
  },
};

async function opened() {
  const server = await stage.serve({ maxInFlightOperations: 0 });
  const peer = await SessionPeer.open(stage, server);
  return { server, peer, session: await server.accept() };
}

async function frameIds(loop: AsyncIterable<OperationContext>, count: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const { frameId } of loop) {
    seen.push(frameId);
    if (seen.length === count) break;
  }
  return seen;
}

const types = (events: readonly ServerSessionEvent[]) => events.map(({ type }) => type);

describe('a loop over the submits of a session', () => {
  it.each(Object.keys(WAYS))('left by %s while it waits takes no submit from the next one', async (way) => {
    const { peer, session } = await opened();
    await WAYS[way]?.(session);
    peer.submit(1);
    peer.submit(2);
    expect(await frameIds(session, 1)).toEqual([1]);
    expect((await session.receiveSubmit()).frameId).toBe(2);
  });

  it.each([
    ['waited already', true],
    ['came while it waited', false],
  ])('that is left gives back, in order, what %s and nobody has looked at', async (_name, early) => {
    const { peer, session } = await opened();
    const come = async () => {
      for (const frameId of [1, 2, 3, 4]) peer.submit(frameId);
      expect(await peer.answers()).toEqual([]);
    };
    if (early) await come();
    const loop = session[Symbol.asyncIterator]();
    const steps = [loop.next(), loop.next(), loop.next()];
    if (!early) await come();
    expect((await steps[0])?.value).toMatchObject({ frameId: 1 });
    await loop.return?.();
    expect(await frameIds(session, 3)).toEqual([2, 3, 4]);
    // A result that is read late is the end, not a submit that another loop has.
    expect((await steps[1])?.done).toBe(true);
    expect((await steps[2])?.value).toBeUndefined();
    expect((await steps[0])?.value).toMatchObject({ frameId: 1 });
  });

  it('gives back to whoever waits, and nothing that is over', async () => {
    const { peer, session } = await opened();
    const loop = session[Symbol.asyncIterator]();
    const forgotten = [loop.next(), loop.next()];
    const other = session.receiveSubmit();
    peer.submit(1);
    peer.submit(2);
    peer.cancel(1);
    expect(await peer.answers()).toEqual(['drop 1']);
    await loop.return?.();
    expect((await other).frameId).toBe(2);
    expect((await forgotten[0])?.done).toBe(true);
  });

  it('counts what it gives back as unread: a client that sends too much is held up as before', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0, maxQueuedSubmits: 4 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const loop = session[Symbol.asyncIterator]();
    void loop.next();
    void loop.next();
    peer.submit(1);
    peer.submit(2);
    expect(await peer.answers()).toEqual([]);
    await loop.return?.();
    expect(await peer.take(1)).toEqual(['flow session congestion hard']);
    expect(await frameIds(session, 2)).toEqual([1, 2]);
    expect(await peer.take(1)).toEqual(['flow session resume none']);
  });

  it('is refused where it is asked for while events() takes the messages, and throws when that begins later', async () => {
    const { session } = await opened();
    const waiting = expect(session[Symbol.asyncIterator]().next()).rejects.toThrow(/events\(\) takes/);
    const later = session[Symbol.asyncIterator]();
    session.events();
    await waiting;
    expect(() => session[Symbol.asyncIterator]()).toThrow(
      /NNRP_ERR_USAGE.*for await over the session: events\(\) takes/,
    );
    await expect(later.next()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(await later.next()).toEqual(DONE);
  });
});

describe('a loop over the events of a session', () => {
  it.each(Object.keys(WAYS))('left by %s while it waits gives the messages back', async (way) => {
    const { peer, session } = await opened();
    await WAYS[way]?.(session.events());
    peer.submit(1);
    peer.patch({ qualityTier: 7 });
    expect((await session.receivePatch()).metadata.qualityTier).toBe(7);
    expect(await frameIds(session, 1)).toEqual([1]);
  });

  it('that is left hands what waits over to the calls by kind, without what is over', async () => {
    const { peer, session } = await opened();
    const events = session.events();
    peer.flow({ creditEpoch: 1 });
    for (const frameId of [1, 2, 3, 4]) peer.submit(frameId);
    peer.cancel(2);
    peer.patch({ qualityTier: 7 });
    peer.migrate({ lastResultFrameId: 9n });
    peer.close({ sessionCloseTag: 5 });
    expect(await peer.answers()).toEqual(['drop 2']);
    const seen: ServerSessionEvent[] = [];
    for await (const event of events) if (seen.push(event) === 2) break;
    expect(types(seen)).toEqual(['flowUpdate', 'submit']);
    expect(await frameIds(session, 2)).toEqual([3, 4]);
    expect((await session.receiveCancel()).frameId).toBe(2);
    expect((await session.receivePatch()).metadata.qualityTier).toBe(7);
    expect((await session.receiveMigrate()).metadata.lastResultFrameId).toBe(9n);
    expect((await session.receiveClose()).metadata.sessionCloseTag).toBe(5);
    for (const frameId of [1, 3, 4]) await session.sendResult(frameId, {});
    await session.ackClose();
    expect((await peer.take(4)).at(-1)).toBe('close ack closed');
  });

  it('that is left may begin again, with what nobody has looked at', async () => {
    const { peer, session } = await opened();
    peer.submit(1);
    peer.patch();
    peer.submit(2);
    expect(await peer.answers()).toEqual([]);
    const first = session.events();
    void first.next();
    void first.next();
    await first.return?.();
    const seen: ServerSessionEvent[] = [];
    for await (const event of session.events()) if (seen.push(event) === 3) break;
    expect(types(seen)).toEqual(['submit', 'patch', 'submit']);
  });

  it('that is left lets the connection go that too many unread events had stopped', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0, maxQueuedSubmits: 4 });
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    const events = session.events();
    for (let epoch = 1; epoch <= 8; epoch++) peer.flow({ creditEpoch: epoch });
    peer.submit(1);
    expect(await peer.take(1)).toEqual(['flow session congestion hard']);
    await events.return?.();
    expect(await peer.take(1)).toEqual(['flow session resume none']);
    expect(await peer.answers()).toEqual([]);
    peer.submit(2);
    expect(await frameIds(session, 2)).toEqual([1, 2]);
  });

  it('that is left after the end of the session leaves the reason to the other calls', async () => {
    const { peer, session } = await opened();
    const events = session.events();
    peer.close({ sessionCloseTag: 5 });
    expect(await peer.answers()).toEqual([]);
    await session.close();
    await events.return?.();
    expect((await session.receiveClose()).metadata.sessionCloseTag).toBe(5);
    await expect(session.receiveSubmit()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await expect(session.receivePatch()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });
});

describe('a loop over the sessions of a server', () => {
  it.each(Object.keys(WAYS))('left by %s while it waits takes no session from whoever accepts then', async (way) => {
    const { server, client } = await stage.pair();
    await WAYS[way]?.(server);
    const ids = [(await client.openSession()).sessionId, (await client.openSession()).sessionId];
    const accepted: NnrpServerSession[] = [await server.accept()];
    for await (const session of server) if (accepted.push(session) === 2) break;
    expect(accepted.map(({ sessionId }) => sessionId)).toEqual(ids);
  });

  it('that is left gives back what nobody has looked at, also to handlers, but no session that is over', async () => {
    const { server, client } = await stage.pair();
    const [first, second] = [await client.openSession(), await client.openSession()];
    const loop = server[Symbol.asyncIterator]();
    const forgotten = [loop.next(), loop.next()];
    const closed = first.close();
    void server.serve({ submit: () => 'answer' });
    await loop.return?.();
    expect((await forgotten[1])?.done).toBe(true);
    const result = await (await second.submit('work')).result();
    expect(new TextDecoder().decode(result.body)).toBe('answer');
    await closed;
    await eventually(() => server.sessionCount === 1, 'the first session is closed');
    await expect(server[Symbol.asyncIterator]().next()).rejects.toThrow(/serve\(\) takes/);
  });

  it('ends when the server is closed', async () => {
    const server = await stage.serve();
    const waiting = [server[Symbol.asyncIterator]().next(), server[Symbol.asyncIterator]().next()];
    await server.close();
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
  });
});
