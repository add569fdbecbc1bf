import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession } from '../../../src/server/contract/contract.js';
import type { ServerSessionEvent } from '../../../src/server/contract/server-messages.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { packetBytes } from '../../support/wire-packets.js';

const { MessageType } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

interface Opened {
  readonly server: NnrpServer;
  readonly peer: SessionPeer;
  readonly session: NnrpServerSession;
}

async function opened(): Promise<Opened> {
  const server = await stage.serve({ maxInFlightOperations: 0 });
  const peer = await SessionPeer.open(stage, server);
  return { server, peer, session: await server.accept() };
}

/** One of each kind, every one with something to tell it by. */
function sendOneOfEach(peer: SessionPeer): void {
  peer.submit(1);
  peer.cancel(1);
  peer.patch({ qualityTier: 7 });
  peer.migrate({ lastResultFrameId: 9n });
  peer.submit(2);
  peer.close({ sessionCloseTag: 5 });
}

describe('calls that receive', () => {
  it('of every kind may be awaited at once, each gets its own kind whatever comes in between', async () => {
    const { peer, session } = await opened();
    const received = Promise.all([
      session.receiveClose(),
      session.receiveMigrate(),
      session.receivePatch(),
      session.receiveCancel(),
      session.receiveSubmit(),
      session.receiveSubmit(),
    ]);
    sendOneOfEach(peer);
    const [close, migration, patch, cancel, first, second] = await received;
    expect(close.metadata.sessionCloseTag).toBe(5);
    expect(migration.metadata.lastResultFrameId).toBe(9n);
    expect(patch.metadata.qualityTier).toBe(7);
    expect([cancel.frameId, first.frameId, second.frameId]).toEqual([1, 1, 2]);
  });

  it('may come after the messages, in any order: nothing is lost', async () => {
    const { peer, session } = await opened();
    sendOneOfEach(peer);
    expect(await peer.answers()).toEqual(['drop 1']);
    expect((await session.receiveClose()).metadata.sessionCloseTag).toBe(5);
    expect((await session.receivePatch()).metadata.qualityTier).toBe(7);
    expect((await session.receiveMigrate()).metadata.lastResultFrameId).toBe(9n);
    expect((await session.receiveCancel()).frameId).toBe(1);
    // Frame 1 was cancelled before it was received.
    expect((await session.receiveSubmit()).frameId).toBe(2);
  });

  it.each<[string, (opened: Opened) => unknown, string]>([
    ['the connection is lost', ({ peer }) => peer.raw.destroy(), 'NNRP_ERR_TRANSPORT'],
    [
      'the client closes the connection',
      ({ peer }) => peer.raw.send(packetBytes(MessageType.Close)),
      'NNRP_ERR_CLOSED',
    ],
    ['the session is closed', ({ session }) => session.close(), 'NNRP_ERR_CLOSED'],
    ['the server is closed', ({ server }) => server.close(), 'NNRP_ERR_CLOSED'],
    ['a rule is broken', ({ peer }) => peer.raw.send(packetBytes(MessageType.ResultDrop, 1, 1)), 'NNRP_ERR_PROTOCOL'],
  ])('reject with the reason when %s, and so do later ones', async (_name, end, code) => {
    const all = await opened();
    const { session } = all;
    const calls = () => [
      session.receiveSubmit(),
      session.receiveSubmit(),
      session.receiveCancel(),
      session.receivePatch(),
      session.receiveMigrate(),
      session.receiveClose(),
    ];
    const pending = Promise.allSettled(calls());
    await end(all);
    for (const outcome of await pending) expect(outcome).toMatchObject({ status: 'rejected', reason: { code } });
    for (const outcome of await Promise.allSettled(calls())) {
      expect(outcome).toEqual({ status: 'rejected', reason: session.endReason });
    }
  });

  it('do not outlive the submits that nobody asked for: they are gone with the session', async () => {
    const { peer, session } = await opened();
    peer.submit(1);
    expect(await peer.answers()).toEqual([]);
    await session.close({ drainTimeoutMs: 100 });
    await expect(session.receiveSubmit()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });
});

describe('events', () => {
  it('are every message of the session in the order of arrival, those before the call included', async () => {
    const { peer, session } = await opened();
    peer.migrate();
    peer.patch();
    peer.submit(1);
    expect(await peer.answers()).toEqual([]);
    const events = session.events();
    const seen: ServerSessionEvent[] = [(await events.next()).value as ServerSessionEvent];
    peer.cancel(1);
    peer.flow({ creditEpoch: 4 });
    peer.put(1, 'object');
    peer.migrate();
    peer.submit(2);
    peer.raw.send(packetBytes(MessageType.Error, 1, 0, new Uint8Array(32)));
    peer.close();
    for await (const event of events) {
      seen.push(event);
      if (event.type === 'close') await session.ackClose(event.close);
    }
    const before = ['migrate', 'patch', 'submit'];
    const after = ['cancel', 'flowUpdate', 'cachePut', 'migrate', 'submit', 'peerError', 'close'];
    expect(seen.map(({ type }) => type)).toEqual([...before, ...after]);
    expect(seen[4]).toMatchObject({ update: { creditEpoch: 4 } });
    expect(seen[7]).toMatchObject({ submit: { frameId: 2 } });
  });

  it('are taken from the call on, also while the first one is not asked for yet', async () => {
    const { peer, session } = await opened();
    const events = session.events();
    peer.flow({ creditEpoch: 1 });
    peer.put(1, 'object');
    peer.submit(1);
    await peer.answers();
    const types: string[] = [];
    for (let count = 0; count < 3; count++) types.push(((await events.next()).value as ServerSessionEvent).type);
    expect(types).toEqual(['flowUpdate', 'cachePut', 'submit']);
  });

  it('take the messages: the other calls are refused, those that waited too, and there is one loop', async () => {
    const { peer, session } = await opened();
    const waiting = expect(session.receivePatch()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    const events = session.events();
    peer.submit(1);
    expect(await events.next()).toMatchObject({ value: { type: 'submit', submit: { frameId: 1 } } });
    await waiting;
    await expect(session.receiveSubmit()).rejects.toThrow(/events\(\) takes/);
    await expect(session.receiveClose()).rejects.toThrow(/events\(\) takes/);
    await expect(session.events().next()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await session.sendResult(1, {}, 'still answered');
    expect((await peer.take(1))[0]).toBe('result 1 still answered');
  });

  it('of a session that nobody reads are bounded; what needs an answer is kept', async () => {
    const { peer, session } = await opened();
    const events = session.events();
    const first = events.next();
    peer.flow({ creditEpoch: 1 });
    expect((await first).value).toMatchObject({ type: 'flowUpdate' });
    for (let epoch = 2; epoch <= 5000; epoch++) peer.flow({ creditEpoch: epoch });
    expect(await peer.answers()).toEqual([]);
    peer.submit(1);
    peer.close();
    const types: string[] = [];
    for await (const event of events) {
      types.push(event.type);
      if (event.type === 'close') break;
    }
    expect(types.slice(-2)).toEqual(['submit', 'close']);
    expect(types.length).toBe(4096 + 2);
  });
});

describe('every submit of a session', () => {
  it('comes in one loop, which ends when the client closes', async () => {
    const { peer, session } = await opened();
    peer.submit(1, 'a');
    peer.submit(2, 'b');
    peer.close();
    const seen: number[] = [];
    for await (const operation of session) {
      seen.push(operation.frameId);
      await operation.complete('x');
    }
    await session.close();
    expect(seen).toEqual([1, 2]);
    expect(await peer.take(3)).toEqual(['result 1 x', 'result 2 x', 'close ack closed']);
  });
});
