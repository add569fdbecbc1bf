import { isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClient } from '../../../src/client/client.js';
import type { NnrpClientEvent } from '../../../src/client/contract/client-events.js';
import { eventually } from '../../support/eventually.js';
import { packetBytes } from '../../support/wire-packets.js';
import { RecoveryServer } from './recovery-server.js';

const { MessageType } = preview3;

afterEach(() => RecoveryServer.clear());

/** What the client tells of its connection, by name. */
function namesOf(client: NnrpClient): string[] {
  const names: string[] = [];
  const events: readonly NnrpClientEvent['type'][] = ['suspended', 'resumed', 'lost', 'reopened', 'closed'];
  for (const name of events) client.on(name as 'closed', () => names.push(name));
  return names;
}

/** A connected client. @returns resolves when the server has the connection, too */
async function connected(config: Parameters<RecoveryServer['connect']>[0] = {}) {
  const server = await RecoveryServer.start();
  const client = await server.connect(config);
  await server.connections(1);
  return { server, client, names: namesOf(client) };
}

/** The server has said something: a PONG. */
async function known(config: Parameters<RecoveryServer['connect']>[0] = {}) {
  const parts = await connected(config);
  await parts.client.ping();
  return parts;
}

/** A client whose first session is asked for, and not answered. */
async function asked(config: Parameters<RecoveryServer['connect']>[0] = {}) {
  const parts = await known(config);
  const { server, client } = parts;
  server.answersOpens = false;
  const opening = client.openSession();
  const outcome = opening.then(
    () => 'open',
    (error: unknown) => error,
  );
  await eventually(() => server.link.opens.length === 1, 'the request has come');
  return { ...parts, opening, outcome };
}

/** The server is gone in the middle of everything, and takes no connection any more. */
function stop(server: RecoveryServer): void {
  server.listener.close();
  server.cut();
}

/** Work is done in it. */
async function works(server: RecoveryServer, client: NnrpClient, opening = client.openSession()): Promise<void> {
  const session = await opening;
  const known = server.known(session);
  const operation = session.submitNow('work');
  await eventually(() => server.submits(known).length === 1, 'the submit has come');
  server.result(known, 1, 'done');
  expect((await operation.result()).text()).toBe('done');
}

describe('a connection that is lost before the first session', () => {
  it('is made again, and the client tells so', async () => {
    const { server, client, names } = await connected();
    const resumed = new Promise((resolve) => client.once('resumed', resolve));
    server.cut();
    expect(await resumed).toMatchObject({ sessions: 0, replayed: 0 });
    expect(names).toEqual(['suspended', 'resumed']);
    await works(server, client);
    expect(server.links.length).toBe(2);
  });

  it('carries a session that is asked for in the gap', async () => {
    const { server, client } = await connected();
    const suspended = new Promise((resolve) => client.once('suspended', resolve));
    server.cut();
    await suspended;
    await works(server, client);
    expect(server.links.map(({ opens }) => opens.length)).toEqual([0, 1]);
  });

  it('is made again after all sessions are closed, too', async () => {
    const { server, client, names } = await connected();
    const session = await client.openSession();
    await session.close();
    server.cut();
    await eventually(() => names.length === 2, 'it is back');
    await works(server, client);
    expect(names).toEqual(['suspended', 'resumed']);
    expect(server.links.map(({ opens }) => opens.length)).toEqual([1, 1]);
  });

  it('answers a PING that was under way on the next one', async () => {
    const { server, client } = await connected();
    server.link.isSilent = true;
    const pinging = client.ping();
    await eventually(() => server.link.pings === 1, 'the PING has come');
    server.cut();
    expect(await pinging).toBeGreaterThanOrEqual(0);
    expect(server.link.pings).toBe(1);
  });

  it('is greeted again, and what the server says then counts', async () => {
    const { server, client } = await connected({ hello: { auth: 'who I am' } });
    await eventually(() => server.link.count(MessageType.ClientHello) === 1, 'the hello has come');
    server.cut();
    await server.connections(2);
    await eventually(() => server.link.count(MessageType.ClientHello) === 1, 'the hello has come again');
    await client.close();
  });
});

describe('a connection that is lost while the first session is asked for', () => {
  it('before the request has come: it is asked for on the next one', async () => {
    const { server, client, names } = await connected();
    server.cut();
    // The client has not noticed yet.
    const opening = client.openSession();
    await works(server, client, opening);
    expect(server.links.map(({ opens }) => opens.length)).toEqual([0, 1]);
    expect(names).toEqual(['suspended', 'resumed']);
  });

  it('before the answer has left: it is asked for once more', async () => {
    const { server, client, opening, names } = await asked();
    server.answersOpens = true;
    server.cut();
    await works(server, client, opening);
    expect(server.links.map(({ opens }) => opens.length)).toEqual([1, 1]);
    expect(names).toEqual(['suspended', 'resumed']);
  });

  it('by an end without CLOSE of a server that has said something', async () => {
    const { server, client, opening } = await asked();
    server.answersOpens = true;
    server.leave();
    await works(server, client, opening);
  });

  it('is not made again at the end in good order of a server that has never said anything', async () => {
    const { server, client, names } = await connected();
    server.answersOpens = false;
    const opening = client.openSession();
    await eventually(() => server.link.opens.length === 1, 'the request has come');
    server.leave();
    await expect(opening).rejects.toThrow('before it said anything');
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect([server.links.length, names]).toEqual([1, ['closed']]);
  });

  it('again and again without a word: the third time is the end', async () => {
    const { server, client } = await connected();
    server.answersOpens = false;
    const outcome = client.openSession().catch((error: unknown) => error);
    for (let count = 1; count <= 3; count++) {
      await server.connections(count);
      await eventually(() => server.link.opens.length === 1, `the request has come over connection ${count}`);
      server.cut();
    }
    expect(await outcome).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(server.links.length).toBe(3);
  });

  it('leaves other requests in their order', async () => {
    const { server, client, opening } = await asked();
    const others = [client.openSession({ defaultDeadlineMs: 7 }), client.openSession({ defaultDeadlineMs: 8 })];
    server.answersOpens = true;
    server.cut();
    const sessions = await Promise.all([opening, ...others]);
    expect(sessions.map((session) => server.known(session).open.defaultDeadlineMs)).toEqual([0, 7, 8]);
  });

  it('leaves a request that was given up without a session', async () => {
    const { server, client } = await known();
    server.answersOpens = false;
    const controller = new AbortController();
    const given = client.openSession({ signal: controller.signal });
    const kept = client.openSession({ defaultDeadlineMs: 7 });
    await eventually(() => server.link.opens.length === 1, 'the request has come');
    server.answersOpens = true;
    server.cut();
    controller.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    await works(server, client, kept);
    expect(client.toJSON()).toMatchObject({ sessionCount: 1 });
  });
});

describe('a client that cannot come back', () => {
  it('opens no session for longer than openTimeoutMs, says why, and is over then', async () => {
    const { server, client, outcome, names } = await asked({ openTimeoutMs: 300, connectTimeoutMs: 200 });
    stop(server);
    const error = await outcome;
    expect(error).toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 300, isRetryable: true });
    expect(isNnrpError(error) && error.rawMessage).toMatch(/^no answer to SESSION_OPEN within 300 ms: .+/);
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(names).toEqual(['suspended', 'closed']);
    await expect(client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it('is over soon when nothing was asked for', async () => {
    const { server, client, names } = await known({ connectTimeoutMs: 200 });
    stop(server);
    const reason = await client.closed;
    expect(reason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(reason.rawMessage).toContain('the connection was lost and could not be resumed');
    expect(names).toEqual(['suspended', 'closed']);
  });

  it('closes at once while it is away', async () => {
    const { server, client, outcome, names } = await asked({ closeTimeoutMs: 60_000 });
    stop(server);
    await eventually(() => names.includes('suspended'), 'it is away');
    await client.close();
    expect(await outcome).toMatchObject({ code: 'NNRP_ERR_CLOSED', rawMessage: 'the client was closed' });
    expect(names).toEqual(['suspended', 'closed']);
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it('does not come back with reconnect never', async () => {
    const { server, client, outcome, names } = await asked({ reconnect: 'never' });
    server.answersOpens = true;
    server.cut();
    expect(await outcome).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect([server.links.length, names]).toEqual([1, ['closed']]);
  });

  it('is over at a CLOSE, whatever was asked for', async () => {
    const { server, client, outcome, names } = await asked();
    server.link.send(packetBytes(MessageType.Close));
    expect(await outcome).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect([server.links.length, names]).toEqual([1, ['closed']]);
  });

  it('is over with a session that cannot be resumed, as before', async () => {
    const server = await RecoveryServer.start();
    server.grantsTokens = false;
    const { client, session } = await server.session();
    server.answersOpens = false;
    const opening = client.openSession().catch((error: unknown) => error);
    await eventually(() => server.link.opens.length === 2, 'the request has come');
    server.cut();
    expect(await opening).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(server.links.length).toBe(1);
  });
});

it('reconnect reopen comes back without a session, too', async () => {
  const { server, client, opening, names } = await asked({ reconnect: 'reopen' });
  server.answersOpens = true;
  server.cut();
  await works(server, client, opening);
  expect(names).toEqual(['suspended', 'resumed']);
});
