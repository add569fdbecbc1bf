import { isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import type { ReopenReport } from '../../../src/client/contract/resume-report.js';
import type { ClientOperation } from '../../../src/client/results/client-operation.js';
import type { FramedConnector } from '../../../src/transport/contract/contract.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';
import { partialBytes, RecoveryServer, refused, resultBytes } from './recovery-server.js';

const { MessageType, SessionErrorCode, SessionStatus } = preview3;

afterEach(() => RecoveryServer.clear());

const reopened = (client: NnrpClient) => new Promise<ReopenReport>((resolve) => client.once('reopened', resolve));
const failureOf = (operation: ClientOperation) => operation.result().catch((error: unknown) => error);

/** Both ways to come to it: the server knows nothing of the session any more, or the client does not ask for it. */
describe.each([
  ['a session that the server knows nothing of any more', {}],
  ['a session of a client that opens all of them anew', { reconnect: 'reopen' }],
] as const)('%s', (_name, config) => {
  it('fails what was in flight, and goes on as the same object', async () => {
    const server = await RecoveryServer.start();
    const options = { requestedSessionId: 7, auth: 'secret', profileId: 3, maxInFlightOperations: 5 };
    const { client, session, known } = await server.session(config, options);
    const names: string[] = [];
    for (const name of ['suspended', 'resumed', 'lost', 'reopened', 'closed'] as const)
      client.on(name, () => names.push(name));
    const events: string[] = [];
    const watching = (async () => {
      for await (const { type } of session.events()) events.push(type);
    })();
    const seen = session.submitNow('seen');
    session.submitNow('more').cancel();
    await eventually(() => server.submits(known).length === 2, 'the submits have come');
    const failed = failureOf(seen);
    const coming = reopened(client);
    server.restart();
    expect(await failed).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST', isRetryable: false });
    const report = await coming;
    expect(report).toMatchObject({ sessionId: 7, previousSessionId: 7, reason: { code: 'NNRP_ERR_SESSION_LOST' } });
    expect(report.awayMs).toBeGreaterThan(0);
    const next = server.known(session);
    expect(next).not.toBe(known);
    expect(next.open).toEqual(known.open);
    expect(new TextDecoder().decode(next.auth)).toBe('secret');

    // Frame ids begin anew, and nothing of what was before is sent.
    const operation = await session.submit('again');
    expect(operation.frameId).toBe(1);
    await eventually(() => server.submits(next).length === 1, 'the submit has come');
    expect(next.received.filter(({ messageType }) => messageType !== MessageType.FrameSubmit)).toEqual([]);
    seen.cancel();
    session.sendFlowUpdate({ operation: seen, updateReason: preview3.UpdateReason.Pause });
    server.result(next, 1, 'answered');
    expect((await operation.result()).text()).toBe('answered');
    expect(next.received.map(({ messageType }) => messageType)).toEqual([MessageType.FrameSubmit]);
    expect(names).toEqual(['suspended', 'lost', 'reopened']);
    await client.close();
    await watching;
    expect(events.filter((type) => type !== 'closeAck')).toEqual(['suspended', 'lost', 'reopened', 'end']);
  });

  it('takes submits meanwhile, which wait in order', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session(config, { maxInFlightOperations: 1 });
    const first = session.submitNow('first');
    const before = session.submit('waited before');
    const failed = failureOf(first);
    server.refusal = refused(0, SessionStatus.RetryLater, 30);
    server.restart();
    expect(isNnrpError(await failed, 'NNRP_ERR_SESSION_LOST')).toBe(true);
    const signal = AbortSignal.timeout(1);
    const [one, two] = [session.submit('one'), session.request('two')];
    await expect(session.submit('not', { signal })).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    expect(() => session.submitNow('now')).toThrow('reopening: the connection is lost, and the session is to go on');
    await expect(session.submit('now', { onBlocked: 'fail' })).rejects.toMatchObject({
      code: 'NNRP_ERR_FLOW_BLOCKED',
      reason: 'reopening',
    });
    await expect(session.patch({ qualityTier: 1 })).rejects.toMatchObject({
      code: 'NNRP_ERR_SESSION_LOST',
      isRetryable: true,
    });
    expect(session.toJSON()).toMatchObject({ state: 'open', inFlightCount: 0 });
    const coming = reopened(client);
    server.refusal = undefined;
    await coming;
    const known = server.known(session);
    for (let frame = 1; frame <= 3; frame++) {
      await eventually(() => server.submits(known).length === frame, 'the next submit has come');
      server.result(known, frame, `${frame}`);
    }
    expect((await (await before).result()).text()).toBe('1');
    expect((await (await one).result()).text()).toBe('2');
    expect((await two).text()).toBe('3');
    const texts = known.received.map(({ body }) => new TextDecoder().decode(body));
    expect(texts).toEqual(['waited before', 'one', 'two']);
  });

  it('beside others: each has another one in its place', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session(config);
    const others = [await client.openSession({ profileId: 3 }), await client.openSession()];
    let count = 0;
    client.on('reopened', () => count++);
    // Ids are handed out in the order of the requests: that of one is that of another one then.
    server.restart();
    await eventually(() => count === 3, 'all of them are opened again');
    const all = [session, ...others];
    expect(all.map(({ sessionId }) => sessionId).sort()).toEqual([1, 2, 3]);
    const { Token } = preview3.ProfileId;
    expect(all.map((each) => server.known(each).open.profileId)).toEqual([Token, 3, Token]);
    const operations = all.map((each) => each.submitNow('work'));
    for (const each of all) {
      await eventually(() => server.submits(server.known(each)).length === 1, 'the submit has come');
      server.result(server.known(each), 1, `${each.sessionId}`);
    }
    const texts = await Promise.all(operations.map(async (operation) => (await operation.result()).text()));
    expect(texts).toEqual(all.map(({ sessionId }) => `${sessionId}`));
  });

  it('is closed while that is under way, and nothing comes after it', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session(config);
    const other = await client.openSession();
    server.answersOpens = false;
    const lost = new Promise((resolve) => client.on('lost', () => resolve(undefined)));
    server.restart();
    await lost;
    const waiting = session.submit('waits').catch((error: unknown) => error);
    await eventually(() => server.link.opens.length >= 2, 'they are asked for');
    expect(await session.close()).toEqual({ drained: true, cut: [] });
    expect(await waiting).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(session.state).toBe('closed');
    expect(() => session.submitNow('late')).toThrow('NNRP_ERR_CLOSED');
    expect(other.state).toBe('open');
    const startMs = performance.now();
    await client.close();
    expect(performance.now() - startMs).toBeLessThan(2000);
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(client.toJSON()).toMatchObject({ sessionCount: 0 });
  });

  it('that is closed meanwhile closes what the server opens for it', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session(config, { profileId: 3 });
    const other = await client.openSession();
    // The first answer is kept back.
    server.answersOpens = false;
    const lost = new Promise((resolve) => client.on('lost', () => resolve(undefined)));
    server.restart();
    await lost;
    await eventually(() => server.links.length > 1 && server.link.opens.length >= 1, 'it is asked for');
    await session.close();
    // It is asked for once more when the connection is lost: what was asked and not answered.
    server.answersOpens = true;
    server.cut();
    const isClosed = () => server.links.length > 2 && server.link.count(MessageType.SessionClose) === 1;
    await eventually(isClosed, 'the one that has no use is closed');
    await eventually(() => server.sessions.size === 1 && server.sessions.has(other.sessionId), 'the other one is open');
    expect(server.link.opens.length).toBe(2);
    const operation = await other.submit('work');
    await eventually(() => server.submits(server.known(other)).length === 1, 'the submit has come');
    server.result(server.known(other), 1);
    await operation.result();
  });

  it('that is refused for good ends with it, and the client when it was the last', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session(config);
    const failed = failureOf(session.submitNow('work'));
    const waiting = session.submit('more', { onBlocked: 'wait' }).then(failureOf, (error: unknown) => error);
    server.refusal = refused(SessionErrorCode.AuthFailed);
    server.restart();
    const reason = await client.closed;
    expect(reason).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(reason.message).toContain('could not be opened again: the server refuses the session');
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST', wireCode: SessionErrorCode.AuthFailed });
    expect([await failed, await waiting].every((error) => isNnrpError(error, 'NNRP_ERR_SESSION_LOST'))).toBe(true);
    await expect(session.submit('late')).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_LOST' });
    await expect(client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it('is asked for again where the connection is lost over it', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session(config);
    server.answersOpens = false;
    const coming = reopened(client);
    server.restart();
    for (let links = 2; links < 5; links++) {
      await eventually(() => server.links.length === links && server.link.opens.length > 0, 'it is asked for');
      if (links === 4) server.answersOpens = true;
      server.cut();
    }
    await coming;
    expect(server.sessions.size).toBe(1);
    const operation = session.submitNow('work');
    const known = server.known(session);
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    server.result(known, 1);
    await operation.result();
  });

  it('is not touched by what comes for the one before', async () => {
    const server = await RecoveryServer.start();
    const { client, session, known } = await server.session(config);
    const old = session.submitNow('old');
    const failed = failureOf(old);
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const strays: number[] = [];
    client.on('stray', ({ packet }) => strays.push(packet.frameId));
    const before = server.link;
    const coming = reopened(client);
    server.restart();
    await coming;
    await failed;
    const operation = session.submitNow('new');
    expect(operation.frameId).toBe(old.frameId);
    // On the connection that was lost, nothing is read any more.
    before.send(resultBytes(known.sessionId, 1, 'wrong'));
    const next = server.known(session);
    await eventually(() => server.submits(next).length === 1, 'the submit has come');
    server.partial(next, 1, 'a');
    server.result(next, 1, 'right');
    expect((await operation.result()).text()).toBe('right');
    // A frame that only the one before had is no frame of this one.
    server.link.send(partialBytes(next.sessionId, 9, 'wrong'));
    await eventually(() => strays.length === 1, 'it belongs to nothing');
    expect(strays).toEqual([9]);
  });
});

describe('a client that opens its sessions anew', () => {
  it('asks for no tokens, and sends no PINGs of its own, to servers that know nothing', async () => {
    const server = await RecoveryServer.start();
    server.announces = false;
    server.grantsTokens = false;
    const { client, session, known } = await server.session({ reconnect: 'reopen', announce: false });
    expect(known.open.sessionFlags).toBe(0);
    const coming = reopened(client);
    server.restart();
    await coming;
    expect(server.links.map(({ pings }) => pings)).toEqual([0, 0]);
    expect(server.known(session).open.sessionFlags).toBe(0);
  });

  it('leaves a connection without sessions as it is lost', async () => {
    const server = await RecoveryServer.start();
    const { client, session } = await server.session({ reconnect: 'reopen' });
    await session.close();
    server.leave();
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(server.links.length).toBe(1);
  });

  it('does not send what waited for room to the session in its place', async () => {
    const server = await RecoveryServer.start();
    let made = 0;
    // A transport that takes what it is given, and never has room for more.
    const connector: FramedConnector = {
      kind: 'tcp',
      connect: async () => {
        const transport = await carrier.connect(server.address);
        const { send } = transport;
        if (made++ === 0) transport.send = (packet) => send.call(transport, packet) && false;
        return transport;
      },
    };
    const client = await NnrpClient.connect(connector, { reconnect: 'reopen', reconnectBackoffMs: 1 });
    server.clients.push(client);
    const session = await client.openSession({ maxInFlightOperations: 0 });
    const known = server.known(session);
    const large = failureOf(session.submitNow('takes the room'));
    const behind = failureOf(session.submitNow('behind it'));
    const coming = reopened(client);
    server.restart();
    await coming;
    expect(await large).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST' });
    expect(await behind).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST' });
    const next = server.known(session);
    expect(next.sessionId).toBe(known.sessionId);
    const operation = await session.submit('the first');
    await eventually(() => server.submits(next).length === 1, 'the submit has come');
    expect(new TextDecoder().decode(next.received[0]?.body)).toBe('the first');
    server.result(next, operation.frameId);
    await operation.result();
    expect(server.submits(next)).toEqual([1]);
  });

  it('gives up when the server is not there for as long as a session is kept', async () => {
    const server = await RecoveryServer.start();
    server.windowMs = 250;
    const { client, session } = await server.session();
    server.isUnreachable = true;
    server.restart();
    const lost = await new Promise<{ error: Error }>((resolve) => client.once('lost', resolve));
    expect(lost.error.message).toContain('not resumed within 250 ms');
    const waiting = session.submit('waits').catch((error: unknown) => error);
    const reason = await client.closed;
    expect(reason.message).toContain('could not be opened again: not within 250 ms: ');
    expect(await waiting).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST', isRetryable: true });
  });

  it('is closed in good order also when the time of its sessions is over', async () => {
    const server = await RecoveryServer.start();
    server.windowMs = 1000;
    const { client, session } = await server.session();
    server.isUnreachable = true;
    server.restart();
    await new Promise((resolve) => client.once('lost', resolve));
    await client.close();
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED', rawMessage: 'the client was closed' });
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });
});
