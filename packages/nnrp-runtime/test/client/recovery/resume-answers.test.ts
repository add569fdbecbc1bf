import { isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { RecoveryServer, type ResumeVerdict, refused } from './recovery-server.js';

const { MessageType, SessionErrorCode, SessionStatus } = preview3;

afterEach(() => RecoveryServer.clear());

/** The server does these one after the other, then resumes. */
function verdicts(server: RecoveryServer, ...list: ResumeVerdict[]): void {
  server.verdict = () => list.shift() ?? 'resume';
}

const entry = (type: number, critical: boolean): preview3.ControlExtension => ({
  type,
  critical,
  payload: Uint8Array.of(1),
});

const lostOf = (error: unknown) => (isNnrpError(error, 'NNRP_ERR_SESSION_LOST') ? error : undefined);

describe('the request to resume', () => {
  it('says what the first one said, with the token and the position', async () => {
    const server = await RecoveryServer.start();
    const asked = { auth: 'secret', profileId: 1, maxInFlightOperations: 7, defaultDeadlineMs: 9000, sessionFlags: 2 };
    const extension = { type: 0x8001, payload: new Uint8Array([1, 2, 3]) };
    const options = { ...asked, clientSessionTag: 77n, extensions: [extension] };
    const { session, known } = await server.session({ maxPacketBytes: 5_000_000 }, options);
    const { token } = known;
    server.cut();
    await server.back(known, 2);
    const [open] = server.link.opens;
    expect(open).toEqual({
      ...known.open,
      requestedSessionId: session.sessionId,
      resumeTokenBytes: token.length,
      sessionExtensionBytes: known.open.sessionExtensionBytes + 16,
    });
    const [packet] = server.link.packets;
    const body = packet?.body ?? new Uint8Array();
    expect(body.subarray(0, token.length)).toEqual(token);
    expect(new TextDecoder().decode(body.subarray(token.length, token.length + 6))).toBe('secret');
    const extensions = preview3.decodeControlExtensions(body.subarray(token.length + 6));
    expect(extensions.map(({ type, critical }) => [type, critical])).toEqual([
      [preview3.PEER_MESSAGES_EXTENSION, false],
      [preview3.PACKET_LIMIT_EXTENSION, false],
      [0x8001, false],
      [preview3.RESUME_POSITION_EXTENSION, false],
    ]);
    expect(packet?.sessionId).toBe(0);
    expect(known.token).not.toEqual(token);
  });

  it('is made with the same token until an answer has been read, then with the new one', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session();
    const used: string[] = [];
    const { token } = known;
    verdicts(server, 'cut', 'cut inside', 'cut inside');
    server.cut();
    await server.back(known, 5);
    for (const { packets } of server.links.slice(1))
      used.push(Buffer.from((packets[0]?.body ?? token).subarray(0, 24)).toString('hex'));
    expect(new Set(used)).toEqual(new Set([Buffer.from(token).toString('hex')]));
    const next = known.token;
    await eventually(() => known.tokens.length === 1, 'the client has read it');
    server.cut();
    await server.back(known, 6);
    expect(server.link.packets[0]?.body.subarray(0, 24)).toEqual(next);
    expect(session.endReason).toBeUndefined();
  });

  it('takes the new token also when the connection ends right behind the answer', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session();
    verdicts(server, 'cut behind');
    server.cut();
    await server.back(known, 3);
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1, 'done');
    expect((await operation.result()).text()).toBe('done');
  });

  it('is made for all sessions at once, and what each has missed goes to the right one', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const second = await client.openSession();
    const knownSecond = server.known(second);
    let told: object | undefined;
    client.on('resumed', (event) => {
      told = event;
    });
    const operations = [session.submitNow('a'), second.submitNow('b')];
    await eventually(() => server.submits(known).length + server.submits(knownSecond).length === 2, 'both have come');
    server.cut();
    server.result(known, 1, 'first');
    server.result(knownSecond, 1, 'second');
    const texts = await Promise.all(operations.map(async (operation) => (await operation.result()).text()));
    expect(texts).toEqual(['first', 'second']);
    expect(server.links.length).toBe(2);
    expect(server.link.opens.map(({ requestedSessionId }) => requestedSessionId)).toEqual([1, 2]);
    expect(told).toMatchObject({ sessions: 2 });
  });
});

describe('a refusal', () => {
  it('loses its session alone, and says what the server can have seen; what waits goes to the next one', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session({}, { maxInFlightOperations: 2 });
    const other = await client.openSession();
    const lost: number[] = [];
    client.on('lost', ({ sessionId }) => lost.push(sessionId));
    const seen = session.submitNow('seen');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.cut();
    await eventually(() => known.link === undefined, 'the server has lost the client');
    server.verdict = ({ sessionId }) => (sessionId === known.sessionId ? 'refuse' : 'resume');
    const unseen = await new Promise<ReturnType<typeof session.submitNow>>((resolve) => {
      client.on('suspended', () => resolve(session.submitNow('not sent')));
    });
    const waiting = session.submit('in line');
    const errors = [await seen.result().catch((e: unknown) => e), await unseen.result().catch((e: unknown) => e)];
    expect(errors.map((error) => lostOf(error)?.isRetryable)).toEqual([false, true]);
    expect(lostOf(errors[0])).toMatchObject({ wireCode: SessionErrorCode.ResumeRejected, lastSentFrameId: 1 });
    expect(session.endReason).toBeUndefined();
    const next = await waiting;
    expect([next.frameId, lost, session.sessionId]).toEqual([1, [known.sessionId], 3]);
    await eventually(() => server.submits(server.known(session)).length === 1, 'what waited has come');
    server.result(server.known(session), 1, 'on the next one');
    expect((await next.result()).text()).toBe('on the next one');
    const alive = other.submitNow('alive');
    await eventually(() => server.submits(server.known(other)).length === 1, 'the other session goes on');
    server.result(server.known(other), 1, 'yes');
    expect((await alive.result()).text()).toBe('yes');
  });

  it('of the last session, and of another one in its place, ends the connection, with the reason as its cause', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session();
    verdicts(server, 'refuse');
    server.refusal = refused(SessionErrorCode.AuthFailed);
    server.cut();
    const reason = await client.closed;
    expect(reason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(reason.message).toContain('could not be opened again: the server refuses the session');
    expect(JSON.stringify(reason)).toContain('NNRP_ERR_SESSION_LOST');
    expect(lostOf(session.endReason)).toBeDefined();
    await expect(client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it('leaves the connection to a session that is being opened, beside the one that is opened again', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session();
    verdicts(server, 'refuse');
    server.cut();
    const opening = new Promise((resolve) => client.once('suspended', () => resolve(client.openSession())));
    const opened = (await opening) as typeof session;
    await eventually(() => session.sessionId === 3, 'the session is opened again');
    const operation = opened.submitNow('work');
    const known = server.known(opened);
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1, 'done');
    expect((await operation.result()).text()).toBe('done');
    // The new session is one that can be resumed.
    server.cut();
    await server.back(known, 3);
  });

  it('by a new session in its place loses the session, and closes the new one', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const other = await client.openSession();
    server.verdict = ({ sessionId }) => (sessionId === known.sessionId ? { status: SessionStatus.Opened } : 'resume');
    server.cut();
    const lost = await new Promise<{ error: unknown }>((resolve) => client.once('lost', resolve));
    expect(lostOf(lost.error)).toBeDefined();
    await eventually(() => server.link.count(MessageType.SessionClose) === 1, 'the new session is closed');
    await eventually(() => session.sessionId === 3, 'the session is opened again');
    expect(other.endReason).toBeUndefined();
  });
});

describe('a position that cannot be', () => {
  it('loses its session alone, and closes it: another client may have been there', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const other = await client.openSession();
    const violations: unknown[] = [];
    client.on('protocolViolation', ({ error }) => violations.push(error));
    server.verdict = ({ sessionId }) => (sessionId === known.sessionId ? { position: 1000 } : 'resume');
    const seen = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const losing = new Promise<{ error: unknown }>((resolve) => client.once('lost', resolve));
    server.cut();
    expect(lostOf((await losing).error)?.rawMessage).toBe(
      `session ${known.sessionId} was lost with its connection: another one is in its place`,
    );
    expect(lostOf(await seen.result().catch((error: unknown) => error))?.isRetryable).toBe(false);
    await eventually(() => server.link.count(MessageType.SessionClose) === 1, 'it is closed');
    await eventually(() => session.sessionId === 3, 'the session is opened again');
    const alive = other.submitNow('alive');
    await eventually(() => server.submits(server.known(other)).length === 1, 'the other session goes on');
    server.result(server.known(other), 1, 'yes');
    expect((await alive.result()).text()).toBe('yes');
    expect(violations).toEqual([]);
  });
});

describe('a session that is resumed as another one than it was', () => {
  it.each<[string, Partial<preview3.SessionOpenAck>]>([
    ['with another profile', { acceptedProfileId: 1 }],
    ['with another schema', { schemaId: 77 }],
    ['with another version of its schema', { schemaVersion: 77 }],
  ])('%s is lost and closed, and the others go on', async (_name, fields) => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const other = await client.openSession();
    server.verdict = ({ sessionId }) => (sessionId === known.sessionId ? { fields } : 'resume');
    const losing = new Promise<{ error: unknown }>((resolve) => client.once('lost', resolve));
    server.cut();
    expect(lostOf((await losing).error)?.rawMessage).toBe(
      `session ${known.sessionId} was lost with its connection: another one is in its place`,
    );
    await eventually(() => server.link.count(MessageType.SessionClose) === 1, 'it is closed');
    await eventually(() => session.sessionId === 3, 'the session is opened again');
    expect(other.endReason).toBeUndefined();
  });
});

describe('a server that asks to retry later', () => {
  it('is asked again when it has said so; the other sessions go on meanwhile', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session();
    const other = await client.openSession();
    let isReady = false;
    server.verdict = ({ sessionId }) => (sessionId !== known.sessionId || isReady ? 'resume' : { retryAfterMs: 50 });
    const resumed = new Promise((resolve) => client.on('resumed', resolve));
    server.cut();
    await resumed;
    const atOnce = other.submitNow('other');
    const kept = [session.submitNow('kept'), session.submitNow('too')];
    kept[1]?.cancel();
    await eventually(() => server.submits(server.known(other)).length === 1, 'the other session goes on');
    expect(server.submits(known)).toEqual([]);
    server.result(server.known(other), 1, 'now');
    expect((await atOnce.result()).text()).toBe('now');
    isReady = true;
    await eventually(() => server.cancels(known).length === 1, 'the session goes on');
    expect(server.submits(known)).toEqual([1, 2]);
    server.result(known, 1, 'then');
    expect((await kept[0]?.result())?.text()).toBe('then');
    expect(server.links.length).toBe(2);
  });

  it('holds up no other session, however much is submitted to the one that it has put off', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session({}, { maxInFlightOperations: 20 });
    const other = await client.openSession();
    let isReady = false;
    server.verdict = ({ sessionId }) => (sessionId !== known.sessionId || isReady ? 'resume' : { retryAfterMs: 1 });
    const resumed = new Promise((resolve) => client.on('resumed', resolve));
    server.cut();
    await resumed;
    const megabyte = new Uint8Array(1024 * 1024);
    const kept = Array.from({ length: 8 }, () => session.submitNow(megabyte));
    const waiting = session.submit('behind them');
    expect(() => session.submitNow('more')).toThrow('connection_full');
    const atOnce = other.submitNow('other');
    await eventually(() => server.submits(server.known(other)).length === 1, 'the other session goes on');
    server.result(server.known(other), 1, 'now');
    expect((await atOnce.result()).text()).toBe('now');
    isReady = true;
    await waiting;
    await eventually(() => server.submits(known).length === kept.length + 1, 'the session goes on');
    for (const frameId of server.submits(known)) server.result(known, frameId);
    await Promise.all([...kept, await waiting].map((operation) => operation.result()));
  });

  it('is left for another connection when it says nothing more', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session({ openTimeoutMs: 100 });
    const verdicts: ResumeVerdict[] = [{ retryAfterMs: 1 }, 'no answer'];
    server.verdict = () => verdicts.shift() ?? 'resume';
    server.cut();
    await server.back(known, 3);
    const operation = await session.submit('on');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1, 'here');
    expect((await operation.result()).text()).toBe('here');
    await client.close();
  });

  it('loses the session at once when its window is over by the time of the answer', async () => {
    const server = await RecoveryServer.start();
    server.windowMs = 1000;
    const { client, session, known } = await server.session({ reconnectBackoffMs: 10 });
    const other = await client.openSession();
    let asked = 0;
    server.verdict = ({ sessionId }) => {
      if (sessionId !== known.sessionId) return 'resume';
      if (++asked === 1) return { retryAfterMs: 1 };
      // Nothing else runs meanwhile.
      const overMs = performance.now() + server.windowMs;
      while (performance.now() < overMs);
      return { retryAfterMs: 40 };
    };
    const cutMs = performance.now();
    const losing = new Promise<{ error: unknown }>((resolve) => client.once('lost', resolve));
    server.cut();
    expect(lostOf((await losing).error)).toBeDefined();
    expect([session.endReason, other.endReason]).toEqual([undefined, undefined]);
    // Not when an answer would be late.
    expect(performance.now() - cutMs).toBeLessThan(5000);
  });

  it('loses the session when its window is over', async () => {
    const server = await RecoveryServer.start();
    server.windowMs = 150;
    const { client, session, known } = await server.session();
    const other = await client.openSession();
    server.verdict = ({ sessionId }) => (sessionId === known.sessionId ? { retryAfterMs: 40 } : 'resume');
    server.cut();
    const lost = await new Promise<{ error: unknown }>((resolve) => client.once('lost', resolve));
    expect(lostOf(lost.error)?.message).toContain('the server asks to retry later');
    // There is a connection already.
    await eventually(() => session.sessionId === 3, 'the session is opened again');
    expect(other.endReason).toBeUndefined();
    expect(server.links.length).toBe(2);
  });
});

it('takes entries that need not be understood, and those that the application may know', async () => {
  const server = await RecoveryServer.start();
  const { session, known } = await server.session();
  verdicts(server, { extension: entry(0x1234, false) }, { extension: entry(0x8001, true) });
  server.cut();
  await server.back(known, 2);
  server.cut();
  await server.back(known, 3);
  expect(session.endReason).toBeUndefined();
});

describe('an answer that breaks a rule costs the connection', () => {
  it.each<[string, ResumeVerdict]>([
    ['resumed without a token', { status: SessionStatus.Resumed, body: new Uint8Array(0) }],
    ['an entry that must be understood', { extension: entry(0x1234, true) }],
  ])('%s', async (_name, verdict) => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session();
    const violations: string[] = [];
    client.on('protocolViolation', ({ error }) => violations.push(error.code));
    verdicts(server, verdict);
    server.cut();
    const reason = await client.closed;
    expect(reason).toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    expect(violations).toEqual(['NNRP_ERR_PROTOCOL']);
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    await eventually(() => server.link.count(MessageType.Close) === 1, 'the server is told');
    expect(server.link.count(MessageType.Error)).toBe(1);
  });
});
