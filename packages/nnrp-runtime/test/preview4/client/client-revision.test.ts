import { once } from 'node:events';
import * as preview4 from 'nnrp-core/preview4';
import { describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import { carrier } from '../../support/carrier.js';
import { preview4Stage } from './preview4-stage.js';
import { type RawPacket, T } from './raw-server.js';

const stage = preview4Stage();

describe('a client with revision auto', () => {
  it('speaks preview4 with a server that answers its hello', async () => {
    const { client, link } = await stage.serve({}, { revision: 'auto' });
    expect(client.revision).toBe('preview4');
    expect((await client.openSession()).revision).toBe('preview4');
    expect(link.received.map(({ type }) => type)).toEqual([T.HELLO, T.OPEN]);
  });

  it('connects once more as preview3 when the server ends the connection over its hello, and remembers it', async () => {
    const server = await stage.listen({ hangUps: 1 });
    const connecting = carrier.openClient(server.address, { revision: 'auto', closeTimeoutMs: 100 });
    const client = await connecting;
    stage.later(() => client.close());
    expect(client.revision).toBe('preview3');
    ignored(client.openSession());
    // The peer is no server of preview3; what counts is what comes first.
    const link = await server.link();
    await link.ended;
    expect(link.received.map(({ type }) => type)).toEqual([T.OPEN]);
    const again = await carrier.openClient(server.address, { revision: 'auto', closeTimeoutMs: 100 });
    stage.later(() => again.close());
    expect(again.revision).toBe('preview3');
  });

  it('goes by the answer of servers of this library, and resumes nothing before it', async () => {
    const server = await carrier.bind();
    stage.later(() => server.close());
    const client = await carrier.openClient(server.localAddress, { revision: 'auto' });
    stage.later(() => client.close());
    expect(client.revision).toBe('preview4');
  });

  it('does not take an answer that is none for an old server', async () => {
    const server = await stage.listen({
      onHello(link) {
        link.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n                         ');
        return true;
      },
    });
    const connecting = carrier.openClient(server.address, { revision: 'auto' });
    await expect(connecting).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    expect(server.links).toHaveLength(1);
  });

  it('waits for the hello no longer than a request may take, and no longer than its signal lets it', async () => {
    const server = await stage.listen({ onHello: () => true });
    const silent = carrier.openClient(server.address, { revision: 'auto', requestTimeoutMs: 20 });
    await expect(silent).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    const controller = new AbortController();
    const connecting = carrier.openClient(server.address, { revision: 'auto', signal: controller.signal });
    await server.link();
    await (await server.link()).next(T.HELLO);
    controller.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    expect(server.links).toHaveLength(2);
  });

  it('needs a way to connect again', () => {
    const transport = {
      remoteAddress: 'x',
      kind: 'memory',
      start() {},
      send: () => true,
      pause() {},
      resume() {},
      close: () => Promise.resolve(),
      abort() {},
    };
    expect(() => NnrpClient.fromTransport(transport as never, { revision: 'auto' })).toThrow(
      /may have to connect once more/,
    );
  });
});

describe('a client of preview4 whose connection is lost', () => {
  const token = Buffer.from('0123456789abcdef01234567');
  const resuming = {
    token,
    onOpen(
      link: { openAck: (open: never, session?: number, resumed?: boolean) => number },
      open: { body: Buffer; metadata: Buffer },
    ) {
      if (open.body.length === 0) return false;
      link.openAck(open as never, open.metadata.readUInt32LE(0), true);
      return true;
    },
  };

  it('resumes its session by the token, and fails what was in flight', async () => {
    const { server, client, link } = await stage.serve(resuming, { reconnectBackoffMs: 1 });
    const session = await client.openSession();
    const events = session.events()[Symbol.asyncIterator]();
    const operation = await session.submit('lost');
    await link.next(T.SUBMIT);
    link.kill('cut');
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_LOST', isRetryable: false });
    const next = await server.link();
    const open = await next.next(T.OPEN);
    expect([open.metadata.readUInt32LE(0), open.metadata.readUInt8(7), open.body]).toEqual([1, 1, token]);
    const types: string[] = [];
    while (types.at(-1) !== 'reopened') types.push((await events.next()).value?.type ?? 'over');
    expect(types).toEqual(['suspended', 'lost', 'reopened']);
    expect([session.sessionId, session.state]).toEqual([1, 'open']);
    const answer = session.request('again');
    const submit = await next.next(T.SUBMIT);
    expect([submit.frame, submit.metadata.readBigUInt64LE(40)]).toEqual([1, 2n]);
    next.result(submit, 'there');
    expect((await answer).text()).toBe('there');
  });

  it('goes on with a session of a server that announces only as it opens it that it knows recovery', async () => {
    const entry = (type: number, payload: Uint8Array) => ({ type, critical: false, payload });
    const submitsReceived = new Uint8Array(8).fill(1, 0, 1);
    const announced = [entry(preview4.PEER_MESSAGES_EXTENSION, preview4.encodePeerMessages())];
    const position = [entry(preview4.RESUME_POSITION_EXTENSION, submitsReceived)];
    const extensions = ({ metadata }: RawPacket) => {
      const isResume = metadata.readUInt32LE(28) > 0;
      return Buffer.from(preview4.encodeControlExtensions([...announced, ...(isResume ? position : [])]));
    };
    const { server, client, link } = await stage.serve({ ...resuming, extensions }, { reconnectBackoffMs: 1 });
    const session = await client.openSession();
    const first = session.request('one');
    link.result(await link.next(T.SUBMIT), 'first');
    expect((await first).text()).toBe('first');
    const resumed = once(client, 'resumed');
    link.kill('cut');
    const next = await server.link();
    await resumed;
    const second = session.request('two', { onBlocked: 'fail' });
    const sent = next.next(T.SUBMIT);
    next.result(await Promise.race([sent, second.then(() => sent)]), 'second');
    expect((await second).text()).toBe('second');
  });

  it('opens another session when the server refuses to resume it', async () => {
    const { server, client, link } = await stage.serve(
      {
        token,
        onOpen(raw, open) {
          if (open.body.length === 0) return false;
          raw.refuse(open, 0x0001_0006);
          return true;
        },
      },
      { reconnectBackoffMs: 1 },
    );
    const session = await client.openSession();
    const events = session.events()[Symbol.asyncIterator]();
    link.kill('cut');
    const next = await server.link();
    await next.next(T.OPEN);
    expect((await next.next(T.OPEN)).body).toHaveLength(0);
    for (let type = ''; type !== 'reopened'; ) type = (await events.next()).value?.type ?? 'over';
    expect(session.sessionId).toBe(2);
  });

  it('gives a recovery ticket, which another client takes', async () => {
    const { server, client, link } = await stage.serve(resuming, { reconnect: 'resume' });
    const session = await client.openSession();
    const operation = await session.submit('x', { operationId: 7n });
    link.result(await link.next(T.SUBMIT), 'y');
    await operation.result();
    expect(() => session.ticket()).toThrow(/gives no ticket/);
    const ticket = Buffer.from(session.recoveryTicket());
    expect([
      ticket.toString('latin1', 0, 4),
      ticket.readUInt32LE(8),
      ticket.readUInt32LE(16),
      ticket.readBigUInt64LE(20),
    ]).toEqual(['NRTK', 1, 120_000, 7n]);
    expect(ticket.subarray(28)).toEqual(token);
    const other = await stage.connect(server);
    await server.link();
    const resumed = await other.resumeSession(ticket);
    expect([resumed.session.sessionId, resumed.operations.size, resumed.lostPackets]).toEqual([1, 0, 0]);
    await expect(other.resumeSession(ticket)).rejects.toThrow(/has session 1 itself/);
    await expect(other.resumeSession(ticket.subarray(1))).rejects.toMatchObject({
      code: 'NNRP_ERR_INVALID_RECOVERY_TICKET',
    });
  });

  it('ends with its connection where the server gives no token', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    link.kill('cut');
    await client.closed;
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });
});

function ignored(promise: Promise<unknown>): void {
  promise.catch(() => {});
}
