import * as preview3 from 'nnrp-core/preview3';
import { afterEach, expect, it } from 'vitest';
import { ScriptedServer } from '../../support/scripted-server.js';
import { Stage } from '../../support/stage.js';

const { CloseStatus, MessageType } = preview3;

afterEach(() => ScriptedServer.clear());

it('a close that the server refuses leaves the session open', async () => {
  const server = await ScriptedServer.start();
  const session = await server.open(5);
  const close = session.close();
  expect((await server.next()).messageType).toBe(MessageType.SessionClose);
  server.closeAck(5, CloseStatus.Rejected);
  await expect(close).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSE_REJECTED' });
  await session.submit('still open');
  expect((await server.next()).messageType).toBe(MessageType.FrameSubmit);
});

it.each([CloseStatus.Acknowledged, CloseStatus.Draining])(
  'a close that is put off (status %i) takes results until it is confirmed',
  async (status) => {
    const server = await ScriptedServer.start();
    const session = await server.open(5);
    const operation = await session.submit('work');
    const close = session.close();
    server.closeAck(5, status);
    server.drop(5, 1);
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    expect(session.endReason).toBeUndefined();
    server.closeAck(5, CloseStatus.Closed);
    await close;
    expect(session.endReason?.code).toBe('NNRP_ERR_CLOSED');
  },
);

it('a fatal error of a session ends it, and leaves the others alone', async () => {
  const server = await ScriptedServer.start();
  const [first, second] = [await server.open(5), await server.open(6)];
  const operation = await first.submit('work');
  server.error(5, 0);
  server.error(5, 1);
  await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_PEER' });
  expect([first.endReason?.code, second.endReason]).toEqual(['NNRP_ERR_PEER', undefined]);
  // Once more for the session that is over: reported, and the connection lives on.
  const reported = new Promise((resolve) => server.client.once('peerError', resolve));
  server.error(5, 1);
  await reported;
  await second.submit('still served');
  expect(second.endReason).toBeUndefined();
});

it('a message of a session that breaks a rule ends it, and tells the server so', async () => {
  const server = await ScriptedServer.start();
  const session = await server.open(5);
  // A frame id on a message of the whole session.
  const ack = new Uint8Array(40 + preview3.SESSION_CLOSE_ACK_BYTES);
  ack.set([0x4e, 0x4e, 0x52, 0x50, 1, 0, MessageType.SessionCloseAck, 40]);
  ack.set([16], 12);
  ack.set([5], 20);
  ack.set([1], 24);
  server.send(ack);
  const close = await server.next();
  expect(close.messageType).toBe(MessageType.SessionClose);
  const { closeReason } = preview3.decodeSessionClose(close.view, close.metadataStart);
  expect(closeReason).toBe(preview3.CloseReason.ProtocolError);
  expect(session.endReason?.code).toBe('NNRP_ERR_PROTOCOL');
});

it('a body of another type is refused before anything is sent; text and any view of bytes are taken', async () => {
  const stage = new Stage();
  try {
    const { session, clientSession } = await stage.session();
    for (const wrong of [5, {}, null, [1], { length: 3 }] as never[]) {
      await expect(clientSession.submit(wrong)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    }
    const bodies = ['é', new Uint16Array([258, 3]), new Uint8Array([7]).buffer, new DataView(new ArrayBuffer(2))];
    const hex: string[] = [];
    for (const body of bodies) {
      const operation = await clientSession.submit(body);
      const submit = await session.receiveSubmit();
      await expect(session.sendResult(submit.frameId, {}, 5 as never)).rejects.toMatchObject({
        code: 'NNRP_ERR_USAGE',
      });
      await session.sendResult(submit.frameId, {}, submit.body);
      hex.push(Buffer.from((await operation.result()).body).toString('hex'));
    }
    expect(hex).toEqual(['c3a9', '02010300', '07', '0000']);
  } finally {
    await stage.clear();
  }
});

it('a request is answered also while the results of another session wait unread', async () => {
  const stage = new Stage();
  try {
    const { server, client, session, clientSession } = await stage.session({}, {}, { maxBufferedResultBytes: 1000 });
    await clientSession.submit('a stream that nobody reads');
    const { frameId } = await session.receiveSubmit();
    const partial = { resultClass: preview3.ResultClass.Partial };
    for (let count = 0; count < 20; count++) await session.sendResult(frameId, partial, new Uint8Array(500));
    const other = await client.openSession();
    const closed = clientSession.close({ drainTimeoutMs: 100 });
    await session.ackClose(await session.receiveClose());
    await closed;
    expect([other.sessionId, server.sessionCount]).toEqual([2, 1]);
  } finally {
    await stage.clear();
  }
});

it('an event listener that throws, at once or later, harms no connection, no other listener and no process', async () => {
  const stage = new Stage();
  try {
    const { server, client } = await stage.pair();
    const reported: unknown[] = [];
    const bothReported = new Promise<void>((resolve) => {
      server.on('internalError', ({ error }) => {
        if (reported.push((error as Error).message) === 2) resolve();
      });
    });
    const others: number[] = [];
    server.once('sessionRefused', () => {
      throw new Error('from a listener');
    });
    server.once('sessionRefused', async () => {
      throw new Error('from a listener that is async');
    });
    server.on('sessionRefused', ({ errorCode }) => others.push(errorCode));
    await expect(client.openSession({ profileId: 1 })).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED' });
    await bothReported;
    expect(reported).toEqual(['from a listener', 'from a listener that is async']);
    expect(others).toHaveLength(1);
    await expect(client.openSession()).resolves.toMatchObject({ sessionId: 1 });
  } finally {
    await stage.clear();
  }
});
