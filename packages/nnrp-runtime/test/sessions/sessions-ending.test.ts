import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerSession } from '../../src/server/contract/contract.js';
import type { ConnectionLost } from '../../src/server/contract/server-events.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const { ResultClass } = preview3;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const utf8 = (string: string) => new TextEncoder().encode(string);

const stage = new Stage();
afterEach(() => stage.clear());

/** Answers every submit with its own body in capitals, until the client closes. */
async function shout(session: NnrpServerSession): Promise<void> {
  for await (const submit of session) {
    await session.sendResult(submit.frameId, {}, utf8(text(submit.body).toUpperCase()));
  }
  await session.close();
}

describe('closing', () => {
  it('delivers results that are sent after the request, until the confirmation', async () => {
    const { session, clientSession } = await stage.session();
    const [first, second] = [await clientSession.submit('1'), await clientSession.submit('2')];
    const closing = clientSession.close({ drainTimeoutMs: 1000 });
    const close = await session.receiveClose();
    // What was submitted before the request can still be taken and answered.
    const submit = await session.receiveSubmit();
    await session.sendResult(submit.frameId, { resultClass: ResultClass.Partial }, utf8('part'));
    await session.sendResult(submit.frameId, {}, utf8('late'));
    await session.ackClose(close);
    await closing;
    expect(text((await first.result()).body)).toBe('late');
    await expect(second.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('refuses new work at once, ends receiveSubmit, and keeps receiveClose', async () => {
    const { session, clientSession } = await stage.session();
    const pending = session.receiveSubmit();
    const closing = clientSession.close();
    expect(clientSession.close()).toBe(closing);
    await expect(clientSession.submit('late')).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await expect(pending).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await session.ackClose(await session.receiveClose());
    await closing;
    await expect(session.receiveClose()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await session.close();
  });

  it('is refused without a request', async () => {
    const { session } = await stage.session();
    const close = { metadata: {} as preview3.SessionClose };
    await expect(session.ackClose(close)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(session.state).toBe('open');
  });

  it('gives up on a server that does not confirm', async () => {
    const { client, session, clientSession } = await stage.session({}, {}, { closeTimeoutMs: 30 });
    const operation = await clientSession.submit('x');
    await expect(clientSession.close({ drainTimeoutMs: 20 })).rejects.toMatchObject({
      code: 'NNRP_ERR_TIMEOUT',
      timeoutMs: 50,
    });
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    const close = await session.receiveClose();
    const stray = new Promise((resolve) => client.once('stray', resolve));
    await session.ackClose(close);
    await stray;
  });

  it('with values that do not fit is refused, and the session stays usable', async () => {
    const { clientSession } = await stage.session();
    const close = clientSession.close({ drainTimeoutMs: -1 });
    await expect(close).rejects.toMatchObject({
      code: 'NNRP_ERR_USAGE',
      rawMessage: 'close options: drainTimeoutMs takes an integer of 0 to 4294967295, got -1',
    });
    await expect(clientSession.submit('x')).resolves.toMatchObject({ frameId: 1 });
  });

  it('by the server ends the connection of a client that has not announced itself, when it was the only session', async () => {
    const { client, session, clientSession } = await stage.session({}, {}, { announce: false });
    const operation = await clientSession.submit('x');
    await session.receiveSubmit();
    const closed = new Promise((resolve) => client.once('closed', resolve));
    await session.close({ drainTimeoutMs: 100 });
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    await closed;
    await expect(clientSession.submit('late')).rejects.toMatchObject({
      code: expect.stringMatching(/CLOSED|TRANSPORT/),
    });
    await expect(client.openSession()).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|TRANSPORT/) });
  });
});

describe('a lost connection', () => {
  it('rejects whatever waits, on both ends, with the reason', async () => {
    const { server, client, session, clientSession } = await stage.session();
    const lost = new Promise<ConnectionLost>((resolve) => server.once('connectionLost', resolve));
    const waiting = [session.receiveSubmit(), session.receiveSubmit(), session.receiveClose()];
    const taken = await clientSession.submit('x');
    await waiting.shift();
    await stage.drop(client);
    const { error, sessionIds } = await lost;
    expect(sessionIds).toEqual([session.sessionId]);
    expect(error.code).toBe('NNRP_ERR_TRANSPORT');
    const { code, message } = error;
    for (const promise of waiting) await expect(promise).rejects.toMatchObject({ code, message });
    await expect(session.receiveSubmit()).rejects.toMatchObject({ code, message });
    expect(session.endReason).toMatchObject({ code, message });
    expect(session.state).toBe('closed');
    await expect(session.sendResult(1, {})).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await expect(taken.result()).rejects.toMatchObject({ code: expect.stringMatching(/TRANSPORT|CLOSED/) });
    await session.close();
    expect([server.sessionCount, server.connectionCount]).toEqual([0, 0]);
  });

  it('rejects operations and opens of a client whose server vanishes', async () => {
    const { server, client, clientSession } = await stage.session({ drainTimeoutMs: 0 }, { maxInFlightOperations: 1 });
    const operation = await clientSession.submit('x');
    const loop = (async () => {
      for await (const _ of operation);
    })();
    const outcome = expect(loop).rejects.toMatchObject({ code: expect.stringMatching(/^NNRP_ERR_/) });
    await server.close();
    await outcome;
    await expect(client.openSession()).rejects.toMatchObject({ code: expect.stringMatching(/TRANSPORT|CLOSED/) });
    await clientSession.close();
    await client.close();
  });

  it('takes a session with it that nobody has accepted yet: accept hands out open ones', async () => {
    const server = await stage.serve();
    const gone = await stage.connect(server);
    await gone.openSession({ requestedSessionId: 5 });
    await stage.drop(gone);
    await eventually(() => server.sessionCount === 0, 'the session is gone');
    const client = await stage.connect(server);
    await client.openSession({ requestedSessionId: 6 });
    expect((await server.accept()).sessionId).toBe(6);
  });

  it('is no loss when everything was closed before', async () => {
    const { server, client, session, clientSession } = await stage.session();
    const lost: ConnectionLost[] = [];
    server.on('connectionLost', (loss) => lost.push(loss));
    void shout(session);
    await clientSession.close();
    await client.close();
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    expect(lost).toEqual([]);
  });
});

describe('a server', () => {
  it('answers frames in progress before it closes, and takes no new ones', async () => {
    const { server, session, clientSession } = await stage.session();
    const operation = await clientSession.submit('before');
    const submit = await session.receiveSubmit();
    const closing = server.close();
    const late = await clientSession.submit('after');
    await expect(late.result()).rejects.toMatchObject({ code: 'NNRP_ERR_SERVER_SHUTDOWN' });
    const nobody = carrier.openClient(server.localAddress, { connectTimeoutMs: 1000 });
    await expect(nobody).rejects.toMatchObject({ code: carrier.turnedAway });
    await session.sendResult(submit.frameId, {}, utf8('in time'));
    expect(text((await operation.result()).body)).toBe('in time');
    await closing;
    expect(server.close()).toBe(server.close());
    await expect(server.accept()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect([server.sessionCount, server.connectionCount]).toEqual([0, 0]);
  });

  it('stops waiting for frames after the drain timeout of the call', async () => {
    const { server, session, clientSession } = await stage.session({ drainTimeoutMs: 600_000 });
    const operation = await clientSession.submit('never answered');
    await session.receiveSubmit();
    const outcome = expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_SERVER_SHUTDOWN' });
    expect((await server.close({ drainTimeoutMs: 20 })).cut).toHaveLength(1);
    await outcome;
  });

  it('cuts what is left when it is called again with no time', async () => {
    const { server, session, clientSession } = await stage.session({ drainTimeoutMs: 600_000 });
    const operation = await clientSession.submit('never answered');
    await session.receiveSubmit();
    const outcome = expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_SERVER_SHUTDOWN' });
    const closing = server.close();
    expect(server.close({ drainTimeoutMs: 0 })).toBe(closing);
    await closing;
    await outcome;
  });

  it.each([
    [{ drainTimeoutMs: -1 }, /drainTimeoutMs takes an integer of 0 to 2147483647, got -1/],
    [{ drainTimeout: 5 }, /there is no option 'drainTimeout'; did you mean drainTimeoutMs\?/],
    ['SIGTERM', /server close options: expected an object, got a string of 7 characters/],
    [null, /server close options: expected an object, got null/],
  ])('refuses %j, and stays open', async (options, message) => {
    const { server, client } = await stage.pair();
    await expect(server.close(options as never)).rejects.toThrow(message);
    await client.openSession();
  });

  it('stops waiting for frames after its drain timeout', async () => {
    const { server, session, clientSession } = await stage.session({ drainTimeoutMs: 20 });
    const operation = await clientSession.submit('never answered');
    await session.receiveSubmit();
    const outcome = expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_SERVER_SHUTDOWN' });
    await server.close();
    await outcome;
    expect(session.endReason?.code).toBe('NNRP_ERR_CLOSED');
  });

  it('hands out sessions to a loop that ends when the server is closed', async () => {
    const server = await carrier.bind();
    const ids: number[] = [];
    const loop = (async () => {
      for await (const session of server) ids.push(session.sessionId);
    })();
    const client = await stage.connect(server);
    for (const requestedSessionId of [3, 1, 2]) await client.openSession({ requestedSessionId });
    await eventually(() => ids.length === 3, 'three sessions are accepted');
    await server.close();
    await loop;
    expect(ids).toEqual([3, 1, 2]);
  });
});
