import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClient } from '../../src/client/client.js';
import type { NnrpServer } from '../../src/server/server.js';
import { within } from '../../src/testing/within.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { PATIENCE_MS } from '../support/raw-peer.js';
import { ReferenceClient, ReferenceServer } from '../support/reference-peer.js';

const utf8 = (text: string) => new TextEncoder().encode(text);
const soon = <T>(promise: Promise<T>, what: string) => within(promise, PATIENCE_MS, what);

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serve(): Promise<NnrpServer> {
  const server = await carrier.bind();
  cleanup.push(() => server.close());
  return server;
}

async function open(server: NnrpServer, requestedSessionId?: number): Promise<ReferenceClient> {
  return ReferenceClient.open(await carrier.dial(server.localAddress), requestedSessionId);
}

interface AtReference {
  readonly client: NnrpClient;
  readonly server: ReferenceServer;
}

/** A client of this package, connected to a reference server. */
async function atReference(): Promise<AtReference> {
  const listener = await carrier.listenBare();
  cleanup.push(() => listener.close());
  const client = await carrier.openClient(listener.address, { closeTimeoutMs: 2000 });
  cleanup.push(() => client.close());
  return { client, server: new ReferenceServer(() => listener.accept()) };
}

describe('a reference client of this server', () => {
  it('opens, submits, gets a result and a drop, cancels and closes', async () => {
    const server = await serve();
    const complaints: unknown[] = [];
    server.on('protocolViolation', (violation) => complaints.push(violation));
    server.on('connectionLost', (loss) => complaints.push(loss));
    const [client, session] = await soon(Promise.all([open(server, 42), server.accept()]), 'open');
    expect([client.sessionId, session.sessionId]).toEqual([42, 42]);
    expect(session.clientOpen.clientSessionTag).toBe(42n);

    expect(client.submit(Buffer.from('prompt'))).toBe(1);
    const submit = await soon(session.receiveSubmit(), 'the submit');
    expect([submit.frameId, new TextDecoder().decode(submit.body)]).toEqual([1, 'prompt']);
    await session.sendResult(1, { statusCode: 200 }, utf8('delta'));
    const result = await soon(client.event(), 'the result');
    expect([result.frameId, result.result?.toString()]).toEqual([1, 'delta']);

    client.submit(Buffer.from('dropped'));
    await session.sendResultDrop((await soon(session.receiveSubmit(), 'the submit')).frameId);
    expect(await soon(client.event(), 'the drop')).toEqual({ frameId: 2 });

    client.submit(Buffer.alloc(200_000, 'x'));
    expect((await soon(session.receiveSubmit(), 'the submit')).body.length).toBe(200_000);
    client.cancel(3);
    expect(await soon(client.event(), 'the drop that answers the cancel')).toEqual({ frameId: 3 });

    const closing = client.close();
    const close = await soon(session.receiveClose(), 'the close');
    expect(close.metadata).toMatchObject({ closeReason: 1, lastOperationId: 3n, sessionCloseTag: 42 });
    await session.ackClose(close);
    expect(await soon(closing, 'the confirmation')).toEqual({ status: 2, watermark: 3n });
    expect(await soon(client.isOver(), 'the end')).toBe(true);
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    expect([complaints, server.sessionCount]).toEqual([[], 0]);
  });

  it('hears nothing that it does not know when the server closes its session, only the end', async () => {
    const server = await serve();
    const [client, session] = await soon(Promise.all([open(server), server.accept()]), 'open');
    client.submit(Buffer.from('unanswered'));
    await soon(session.receiveSubmit(), 'the submit');
    await session.close({ drainTimeoutMs: 100 });
    expect(await soon(client.event(), 'the drop')).toEqual({ frameId: 1 });
    expect(await soon(client.isOver(), 'the end')).toBe(true);
  });

  it('is refused a second default session with session_limit_reached, and no other way', async () => {
    const server = await serve();
    await soon(open(server), 'open');
    await expect(open(server)).rejects.toThrow(`status 1, code ${0x00010007}`);
    expect((await soon(open(server, 2), 'open')).sessionId).toBe(2);
  });
});

describe('a client of this package at a reference server', () => {
  it('opens, submits, gets a result and a drop, and closes', async () => {
    const { server, client } = await atReference();
    const complaints: unknown[] = [];
    for (const event of ['stray', 'peerError', 'protocolViolation'] as const) {
      client.on(event, (detail: unknown) => complaints.push(event, detail));
    }
    const [session, reference] = await soon(Promise.all([client.openSession(), server.accept()]), 'open');
    const { openHeader } = reference;
    expect([session.sessionId, reference.sessionId]).toEqual([1, 1]);
    // The body is the announcement, which a reference server does not look at.
    expect([openHeader.sessionId, openHeader.frameId, openHeader.flags, openHeader.body.length]).toEqual([0, 0, 0, 16]);
    expect(openHeader.rest.every((byte) => byte === 0)).toBe(true);

    const answered = await session.submit('prompt');
    const dropped = await session.submit('another');
    const submit = await soon(reference.receiveSubmit(), 'the submit');
    expect([submit.frameId, submit.flags, submit.body.toString()]).toEqual([1, 0, 'prompt']);
    expect([submit.metadata.readUInt32LE(64), submit.metadata.readUInt16LE(68)]).toEqual([2, 1]);
    expect(submit.metadata.subarray(0, 64).every((byte) => byte === 0)).toBe(true);
    reference.sendFlow(7);
    reference.sendResult(1, Buffer.from('delta'));
    reference.sendDrop((await soon(reference.receiveSubmit(), 'the submit')).frameId);
    const result = await soon(answered.result(), 'the result');
    expect([result.metadata.statusCode, new TextDecoder().decode(result.body)]).toEqual([200, 'delta']);
    await expect(dropped.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });

    const closing = session.close();
    const close = await soon(reference.receiveClose(), 'the close');
    expect([close.frameId, close.metadata.readUInt16LE(0), close.metadata.readBigUInt64LE(8)]).toEqual([0, 1, 2n]);
    expect([close.metadata.readUInt8(2), close.metadata.readUInt32LE(4), close.metadata.readUInt32LE(20)]).toEqual([
      0, 0, 1,
    ]);
    reference.ackClose(close);
    await soon(closing, 'the confirmation');
    await soon(client.close(), 'the end');
    expect(complaints).toEqual([]);
  });

  it('is told the code of a refusal, although the connection is dropped behind it', async () => {
    const { server, client } = await atReference();
    const opening = client.openSession({ requestedSessionId: 1 });
    const refusal = expect(opening).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED', wireCode: 0x00010007 });
    await soon(server.accept(0x00010007), 'the open');
    await soon(refusal, 'the refusal');
  });

  it('keeps results that a server sends before it confirms the close and hangs up', async () => {
    const { server, client } = await atReference();
    const [session, reference] = await soon(Promise.all([client.openSession(), server.accept()]), 'open');
    const operation = await session.submit('prompt');
    const closing = session.close();
    await soon(reference.receiveSubmit(), 'the submit');
    const close = await soon(reference.receiveClose(), 'the close');
    reference.sendResult(1, Buffer.from('just in time'));
    reference.ackClose(close);
    expect(new TextDecoder().decode((await soon(operation.result(), 'the result')).body)).toBe('just in time');
    await soon(closing, 'the confirmation');
  });

  it('fails its operations when the server vanishes', async () => {
    const { server, client } = await atReference();
    const [session, reference] = await soon(Promise.all([client.openSession(), server.accept()]), 'open');
    const operation = await session.submit('prompt');
    await soon(reference.receiveSubmit(), 'the submit');
    reference.wire.end();
    await expect(soon(operation.result(), 'the failure')).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });
});
