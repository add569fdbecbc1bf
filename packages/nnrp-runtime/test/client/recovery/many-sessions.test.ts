import { isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import { eventually } from '../../support/eventually.js';
import { packetBytes } from '../../support/wire-packets.js';
import { RecoveryServer } from './recovery-server.js';

const { MessageType } = preview3;

afterEach(() => RecoveryServer.clear());

/** A client with so many sessions. */
async function withSessions(count: number, reconnectBackoffMs = 10, closeTimeoutMs = 5000) {
  const server = await RecoveryServer.start();
  const { client, session } = await server.session({ reconnectBackoffMs, closeTimeoutMs });
  const sessions: NnrpClientSession[] = [session];
  while (sessions.length < count) sessions.push(await client.openSession());
  const lost: { sessionId: number; error: unknown }[] = [];
  client.on('lost', (loss) => lost.push(loss));
  const tokensOn = (link: number) =>
    server.links[link]?.opens.filter(
      ({ resumeTokenBytes, requestedSessionId }) => resumeTokenBytes > 0 && requestedSessionId > 0,
    ) ?? [];
  return { server, client, sessions, lost, tokensOn };
}

describe('a client with many sessions', () => {
  it('asks a server that was started anew for three of them, and opens all again', async () => {
    const { server, client, sessions, lost, tokensOn } = await withSessions(50);
    let reopened = 0;
    client.on('reopened', () => reopened++);
    server.restart();
    await eventually(() => reopened === 50, 'all are opened again');
    expect(tokensOn(1).map(({ requestedSessionId }) => requestedSessionId)).toEqual([50, 1, 26]);
    expect(new Set(lost.map(({ sessionId }) => sessionId)).size).toBe(50);
    expect(lost.every(({ error }) => isNnrpError(error, 'NNRP_ERR_SESSION_LOST'))).toBe(true);
    expect(sessions.every(({ endReason }) => endReason === undefined)).toBe(true);
    expect(server.links.length).toBe(2);
  });

  it('asks for all of them when the server takes one, and loses those alone that it does not know', async () => {
    const { server, client, lost, tokensOn } = await withSessions(50);
    const gone = new Set([50, 1, 7]);
    server.verdict = ({ sessionId }) => (gone.has(sessionId) ? 'refuse' : 'resume');
    const resumed = new Promise<unknown>((resolve) => client.once('resumed', resolve));
    server.cut();
    expect(await resumed).toMatchObject({ sessions: 47 });
    expect(tokensOn(1).length).toBe(50);
    expect(lost.map(({ sessionId }) => sessionId).sort((a, b) => a - b)).toEqual([1, 7, 50]);
  });

  it('loses one whose id a new session has got before it was asked for', async () => {
    const { server, client, sessions, lost } = await withSessions(5);
    const others = sessions.slice(0, 4).map((session) => server.known(session));
    server.isUnreachable = true;
    server.cut();
    await eventually(() => server.links[0]?.socket.destroyed === true, 'the connection is lost');
    const opening = client.openSession();
    server.giveUp(others);
    server.isUnreachable = false;
    const session = await opening;
    expect(session.sessionId).toBe(1);
    await eventually(() => lost.length === 4, 'all but one are lost');
    expect(lost[0]).toMatchObject({ sessionId: 1, error: { code: 'NNRP_ERR_SESSION_LOST' } });
    const operation = await session.submit('new');
    await eventually(() => server.submits(server.known(session)).length === 1, 'the submit has come');
    server.result(server.known(session), 1, 'of the new one');
    expect((await operation.result()).text()).toBe('of the new one');
    expect(sessions[4]?.endReason).toBe(undefined);
    await client.close();
  });

  it('asks for one after the other of those that the server has put off, and for all when it takes one', async () => {
    const { server, client, lost, tokensOn } = await withSessions(6, 1);
    let isReady = false;
    server.verdict = () => (isReady ? 'resume' : { retryAfterMs: 1 });
    server.cut();
    await eventually(() => tokensOn(1).length >= 12, 'each was asked for twice');
    const asked = tokensOn(1).map(({ requestedSessionId }) => requestedSessionId);
    expect(asked.slice(6, 12)).toEqual(asked.slice(0, 6));
    const resumed = new Promise((resolve) => client.once('resumed', resolve));
    isReady = true;
    await resumed;
    await eventually(() => [...server.sessions.values()].every(({ link }) => link === server.link), 'all are back');
    const inTheEnd = tokensOn(1).slice(-6);
    expect(new Set(inTheEnd.map(({ requestedSessionId }) => requestedSessionId)).size).toBe(6);
    expect([lost, server.links.length]).toEqual([[], 2]);
  });

  it('does not wait for those that were closed after the server had put them off', async () => {
    const { server, client, sessions, tokensOn } = await withSessions(60, 1, 1);
    let isReady = false;
    server.verdict = () => (isReady ? 'resume' : { retryAfterMs: 1 });
    server.cut();
    await eventually(() => tokensOn(1).length >= 60, 'all were asked for');
    const resumed = new Promise<unknown>((resolve) => client.once('resumed', resolve));
    await Promise.allSettled(
      sessions.slice(0, -1).map((session) => session.close({ inFlightPolicy: 1, drainTimeoutMs: 0 })),
    );
    isReady = true;
    expect(await resumed).toMatchObject({ sessions: 1 });
    expect(server.known(sessions.at(-1) as NnrpClientSession).link).toBe(server.link);
  });

  it('asks for none that was closed meanwhile', async () => {
    const { server, sessions, tokensOn } = await withSessions(6);
    server.isUnreachable = true;
    server.cut();
    await eventually(() => server.links[0]?.socket.destroyed === true, 'the connection is lost');
    const closing = [sessions[5], sessions[2]].map((session) =>
      session?.close({ inFlightPolicy: 1, drainTimeoutMs: 0 }),
    );
    server.isUnreachable = false;
    await Promise.allSettled(closing);
    await eventually(() => tokensOn(1).length >= 4, 'the others are asked for');
    await eventually(() => sessions.filter(({ endReason }) => endReason === undefined).length === 4, 'two are closed');
  });
});

describe('CLOSE', () => {
  it('of a server that has not taken the sessions back yet is no end: another one may take them', async () => {
    const { server, client, sessions } = await withSessions(1);
    const known = server.known(sessions[0] as NnrpClientSession);
    let attempts = 0;
    server.verdict = (_session, link) => {
      if (++attempts > 2) return 'resume';
      link.send(packetBytes(MessageType.Close));
      return 'no answer';
    };
    server.cut();
    await eventually(() => known.link === server.link && attempts === 3, 'the session is resumed');
    const operation = await (sessions[0] as NnrpClientSession).submit('on');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1, 'here');
    expect((await operation.result()).text()).toBe('here');
    await client.close();
  });

  it('of a server that has them ends the client', async () => {
    const { server, client } = await withSessions(1);
    server.link.send(packetBytes(MessageType.Close));
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(server.links.length).toBe(1);
  });
});
