import { FlowSender } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClient } from '../../../src/client/client.js';
import type { ReopenReport } from '../../../src/client/contract/resume-report.js';
import { refusalBlock } from '../../../src/connection/errors/open-refusal.js';
import { FLOW_UPDATE, SESSION_OPEN_ACK } from '../../../src/connection/sending/codecs.js';
import { eventually } from '../../support/eventually.js';
import { OPENED } from '../../support/scripted-server.js';
import type { KnownSession } from './known-session.js';
import { bytesOfMessage, RecoveryServer } from './recovery-server.js';

const { MessageType, SessionErrorCode } = preview3;

afterEach(() => RecoveryServer.clear());

/** A limit that will not go away by waiting, as a server says of an id that is in use. */
const WHY = refusalBlock({ retryable: false }) as Uint8Array;
const REFUSED = {
  ...OPENED,
  sessionStatus: preview3.SessionStatus.Rejected,
  sessionErrorCode: SessionErrorCode.SessionLimitReached,
  sessionExtensionBytes: WHY.length,
};
const FINAL = bytesOfMessage(MessageType.SessionOpenAck, 0, 0, SESSION_OPEN_ACK, REFUSED, WHY);

const reopened = (client: NnrpClient) => new Promise<ReopenReport>((resolve) => client.once('reopened', resolve));

async function bodiesOf(server: RecoveryServer, known: KnownSession, count: number): Promise<string[]> {
  await eventually(() => server.submits(known).length >= count, `${count} submits have come`);
  return known.received.map(({ body }) => new TextDecoder().decode(body));
}

describe('a path that has died without a word', () => {
  it.each(['reopen', 'resume'] as const)('is left by keep-alive, where the client is to %s', async (reconnect) => {
    const server = await RecoveryServer.start();
    const { client } = await server.session({ reconnect, keepAliveMs: 40, pingTimeoutMs: 500 });
    const coming = new Promise((resolve) => client.once(reconnect === 'reopen' ? 'reopened' : 'resumed', resolve));
    server.link.isSilent = true;
    await coming;
    expect(server.links.length).toBe(2);
  });

  it.each(['reopen', 'resume'] as const)('is left by a ping, where the client is to %s', async (reconnect) => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session({ reconnect, keepAliveMs: 0, pingTimeoutMs: 500 });
    server.link.isSilent = true;
    expect(await client.ping()).toBeGreaterThan(0);
    expect(server.links.length).toBe(2);
    expect(session.state).toBe('open');
  });
});

describe('submits of a client that opens its sessions anew', () => {
  it('which wait while the server has paused the connection go to the next session, in order', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session({ reconnect: 'reopen' });
    const paused = new Promise((resolve) => client.once('flowUpdate', resolve));
    const pause = new FlowSender(preview3.ScopeKind.Connection).next({ updateReason: preview3.UpdateReason.Pause });
    server.link.send(bytesOfMessage(MessageType.FlowUpdate, 0, 0, FLOW_UPDATE, pause));
    await paused;
    const waiting = ['one', 'two', 'three'].map((body) => session.submit(body));
    const coming = reopened(client);
    server.cut();
    await coming;
    await Promise.all(waiting);
    expect(await bodiesOf(server, server.known(session), 3)).toEqual(['one', 'two', 'three']);
  });

  it('made as soon as it hears of the loss go to the next session', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session({ reconnect: 'reopen' });
    let submitted: Promise<unknown> | undefined;
    client.once('suspended', () => {
      submitted = session.submit('at once');
    });
    const coming = reopened(client);
    server.cut();
    await coming;
    await submitted;
    expect(await bodiesOf(server, server.known(session), 1)).toEqual(['at once']);
  });
});

describe('a session that is opened anew', () => {
  it('asks again for the id it wants, while the server has not noticed yet that the one before is lost', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session({ reconnect: 'reopen' }, { requestedSessionId: 7 });
    server.refusal = FINAL;
    const coming = reopened(client);
    server.cut();
    await eventually(() => server.links.length > 1 && server.link.opens.length >= 2, 'it is asked for again');
    server.refusal = undefined;
    expect(await coming).toMatchObject({ sessionId: 7 });
    expect(session.sessionId).toBe(7);
  });

  it('is given up when it wants no id, and the server refuses it for good', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session({ reconnect: 'reopen' });
    server.refusal = FINAL;
    server.cut();
    await client.closed;
    expect(session.endReason).toMatchObject({ wireCode: SessionErrorCode.SessionLimitReached });
  });

  it('gives loops over its results that begin meanwhile one turn each, not an endless run', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session({ reconnect: 'reopen', reconnectBackoffMs: 40 });
    let turns = 0;
    const reading = (async () => {
      while (session.endReason === undefined && turns < 100) {
        turns++;
        try {
          for await (const { result } of session.results()) if (result.text() === 'last') return 'read';
        } catch (error) {
          expect(error).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST' });
        }
      }
      return 'no more turns';
    })();
    const coming = reopened(client);
    server.cut();
    await coming;
    const operation = await session.submit('work');
    const known = server.known(session);
    await bodiesOf(server, known, 1);
    // The loop that began while it was lost ends when it is back; the next one reads on.
    await eventually(() => turns === 3, 'the loop has begun anew');
    server.result(known, operation.frameId, 'last');
    expect(await reading).toBe('read');
    expect(turns).toBe(3);
  });
});

describe('sessions that are being closed while their server is started anew', () => {
  it.each(['resume', 'reopen'] as const)('send it nothing that would reach another one (%s)', async (reconnect) => {
    const server = await RecoveryServer.start();
    const { client, session: first, known } = await server.session({ reconnect, closeTimeoutMs: 5000 });
    const [second, third] = [await client.openSession(), await client.openSession()];
    server.isUnreachable = true;
    const away = new Promise((resolve) => client.once('suspended', resolve));
    server.restart();
    await away;
    // What closes the first one waits behind what closes the third one.
    const closing = [third, first].map((session) => session.close().catch((error: unknown) => error));
    const coming = reopened(client);
    server.isUnreachable = false;
    await coming;
    await Promise.all(closing);
    // The second one goes on under the id that the first one had.
    expect(second.sessionId).toBe(known.sessionId);
    const operation = await second.submit('here');
    const next = server.known(second);
    await eventually(() => server.submits(next).length === 1, 'the submit has come');
    expect(server.link.count(MessageType.SessionClose)).toBe(0);
    server.result(next, operation.frameId, 'there');
    expect((await operation.result()).text()).toBe('there');
  });
});
