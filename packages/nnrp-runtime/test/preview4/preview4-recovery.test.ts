import { describe, expect, it } from 'vitest';
import { hello, open, packet, submit, T } from './peer.js';
import { cleaning, listening, opened, peerOf, serving } from './stage.js';

cleaning();

describe('a session of preview4 whose connection is lost', () => {
  it('is resumed by its token, begins anew, and gets a new token each time', async () => {
    let reason: unknown;
    const server = await serving({
      submit: (operation) => {
        if (operation.text() !== 'hold') return operation.text();
        operation.signal.addEventListener('abort', () => {
          reason = operation.abortReason;
        });
        return operation.finished;
      },
    });
    const first = await peerOf(server);
    const { session, body: token } = await first.opened({ flags: 1 });
    expect(token).toHaveLength(24);
    first.send(packet(T.submit, { session, frame: 7 }, submit({ operation: 70 }), 'hold'));
    await first.settled();
    first.end();
    await expect.poll(() => server.suspendedCount).toBe(1);
    expect(reason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    const second = await peerOf(server);
    const ack = await second.opened({ id: session, flags: 1 }, token);
    expect([ack.session, ack.metadata.readUInt8(7), ack.u32(28), ack.u32(32), ack.body.length]).toEqual([
      session,
      3,
      24,
      0,
      24,
    ]);
    expect(ack.body.equals(token)).toBe(false);
    // Frames begin at 1, and so may operations.
    second.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 70 }), 'again'));
    const result = await second.get(T.result);
    expect([result.frame, result.text]).toEqual([1, 'again']);
    const late = await peerOf(server);
    const refused = await late.opened({ id: session, flags: 1 }, token);
    expect([refused.session, refused.u32(48), refused.body.length]).toEqual([0, 0x00010006, 0]);
  });

  it('is not resumed twice by one token, even before the client has said anything on the new connection', async () => {
    const server = await serving({ submit: (operation) => operation.text() });
    const first = await peerOf(server);
    const { session, body: token } = await first.opened({ flags: 1 });
    first.end();
    const second = await peerOf(server);
    const { body: next } = await second.opened({ id: session, flags: 1 }, token);
    second.end();
    await expect.poll(() => server.suspendedCount).toBe(1);
    const third = await peerOf(server);
    expect((await third.opened({ id: session, flags: 1 }, token)).u32(48)).toBe(0x00010006);
    third.send(packet(T.open, {}, open({ id: session, flags: 1, token: next.length }), next));
    expect((await third.get(T.openAck)).session).toBe(session);
  });

  it('is resumed over a connection that is still there: the right token wins (P-7), a wrong one costs nothing', async () => {
    const server = await serving({ submit: (operation) => operation.text() });
    const first = await peerOf(server);
    const { session, body: token } = await first.opened({ flags: 1 });
    const wrong = await peerOf(server);
    expect((await wrong.opened({ id: session, flags: 1 }, Buffer.alloc(24, 7))).u32(48)).toBe(0x00010006);
    wrong.send(packet(T.open, {}, open()));
    expect((await wrong.get(T.openAck)).metadata.readUInt8(7)).toBe(0);
    const second = await peerOf(server);
    expect((await second.opened({ id: session, flags: 1 }, token)).session).toBe(session);
    await first.rest();
    second.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'here'));
    expect((await second.get(T.result)).text).toBe('here');
  });

  it('can be resumed for the window from the loss on (P-6), and its id is free afterwards', async () => {
    const server = await listening({ resumeWindowMs: 40 });
    const { peer, session } = await opened(server, { flags: 1, id: 9 });
    const expired = new Promise((resolve) => server.on('sessionExpired', resolve));
    await peer.settled();
    peer.end();
    expect(await expired).toMatchObject({ sessionId: session });
    expect((await opened(server, { id: 9 })).session).toBe(9);
  });

  it('is not resumed by a client that speaks preview3', async () => {
    const server = await listening();
    const first = await peerOf(server);
    const { session, body: token } = await first.opened({ flags: 1 });
    first.end();
    await expect.poll(() => server.suspendedCount).toBe(1);
    const old = await peerOf(server);
    old.send(packet(T.open, {}, open({ id: session, flags: 1, token: 24 }), token));
    expect((await old.get(T.openAck)).u32(48)).toBe(0x00010006);
    const peer = await peerOf(server);
    peer.send(packet(T.hello, {}, hello()), packet(T.open, {}, open({ id: session, flags: 1, token: 24 }), token));
    await peer.get(T.helloAck);
    expect((await peer.get(T.openAck)).session).toBe(session);
  });
});
