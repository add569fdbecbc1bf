import { isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClient } from '../../../src/client/client.js';
import { eventually } from '../../support/eventually.js';
import { packetBytes } from '../../support/wire-packets.js';
import { RecoveryServer } from './recovery-server.js';

const { MessageType } = preview3;

afterEach(() => RecoveryServer.clear());

const told = (client: NnrpClient, name: 'suspended' | 'resumed') =>
  new Promise<unknown>((resolve) => (name === 'suspended' ? client.once(name, resolve) : client.once(name, resolve)));

/** A client that has lost its connection, and does not get another one until the test says so. */
async function away(config = {}) {
  const server = await RecoveryServer.start();
  const parts = await server.session(config, { maxInFlightOperations: 0 });
  const inFlight = parts.session.submitNow('in flight');
  await eventually(() => server.submits(parts.known).length === 1, 'the submit has come');
  const suspended = told(parts.client, 'suspended');
  server.isUnreachable = true;
  server.cut();
  await suspended;
  const comeBack = async () => {
    const resumed = told(parts.client, 'resumed');
    server.isUnreachable = false;
    await resumed;
  };
  return { server, ...parts, inFlight, comeBack };
}

describe('while there is no connection', () => {
  it('a cancel is told to the server when it is back', async () => {
    const { server, known, inFlight, comeBack } = await away();
    inFlight.cancel('enough');
    await expect(inFlight.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await comeBack();
    await eventually(() => server.cancels(known).length === 1, 'the cancel has come');
    expect(server.cancels(known)).toEqual([1]);
  });

  it('a signal ends its operation at once, and submits of aborted signals are not sent', async () => {
    const { server, session, known, comeBack } = await away();
    const controller = new AbortController();
    const operation = session.submitNow('work', { signal: controller.signal });
    controller.abort(new Error('no more'));
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await expect(session.submit('late', { signal: controller.signal })).rejects.toMatchObject({
      code: 'NNRP_ERR_CANCELLED',
    });
    await comeBack();
    await eventually(() => server.cancels(known).length === 1, 'the cancel has come');
    expect([server.submits(known), server.cancels(known)]).toEqual([[1, 2], [2]]);
  });

  it('submits wait, in order, and are sent once', async () => {
    const { server, session, known, inFlight, comeBack } = await away();
    const operations = ['a', 'b'.repeat(40_000), 'c'].map((text) => session.submitNow(text));
    let isSent = false;
    const submitting = session.submit('d').then((operation) => {
      isSent = true;
      return operation;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSent).toBe(false);
    await comeBack();
    const last = await submitting;
    await eventually(() => server.submits(known).length === 5, 'all submits have come');
    expect(server.submits(known)).toEqual([1, 2, 3, 4, 5]);
    expect(known.received.map(({ bodyLength }) => bodyLength)).toEqual([9, 1, 40_000, 1, 1]);
    for (const frame of [1, 2, 3, 4, 5]) server.result(known, frame, `${frame}`);
    const all = [inFlight, ...operations, last];
    expect(await Promise.all(all.map(async (each) => (await each.result()).text()))).toEqual(['1', '2', '3', '4', '5']);
  });

  it('a body that is transferred meanwhile arrives: its bytes were taken by then', async () => {
    const { server, session, known, comeBack } = await away();
    const body = new Uint8Array(50_000).fill(7);
    const operation = session.submitNow(body);
    const next = session.submitNow('next');
    structuredClone(body.buffer, { transfer: [body.buffer] });
    await comeBack();
    await eventually(() => server.submits(known).length === 3, 'both have come');
    expect(server.submits(known)).toEqual([1, 2, 3]);
    expect(known.received[1]?.body).toEqual(new Uint8Array(50_000).fill(7));
    // Both sides count the same all the same.
    server.cut();
    server.result(known, 2, 'done');
    server.result(known, 3, 'done');
    expect((await operation.result()).text()).toBe('done');
    expect((await next.result()).text()).toBe('done');
    expect(server.submits(known)).toEqual([1, 2, 3]);
  });

  it('a ping waits, and is answered behind the gap', async () => {
    const { client, comeBack } = await away({ pingTimeoutMs: 100 });
    const pinging = client.ping(5000);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await comeBack();
    expect(await pinging).toBeGreaterThan(0);
  });

  it('a ping waits no longer than it may, and costs nothing: others are answered, each by its own PONG', async () => {
    const { server, client, known, comeBack } = await away();
    const patient = client.ping(5000);
    const startMs = performance.now();
    await expect(client.ping(60)).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 60 });
    expect(performance.now() - startMs).toBeLessThan(2000);
    const last = client.ping(5000);
    await comeBack();
    expect(await patient).toBeGreaterThan(0);
    expect(await last).toBeGreaterThan(0);
    await server.back(known, 2);
    // No PONG is owed to the one that was given up.
    expect(await client.ping()).toBeGreaterThan(0);
    expect(client.toJSON()).toMatchObject({ state: 'open' });
  });

  it('there is nothing to probe, however often it is asked', async () => {
    const { server, client, session, known, comeBack } = await away();
    for (let count = 0; count < 1000; count++) {
      const probing = client.probe({ payloadBytes: 1_000_000, timeoutMs: 1000 });
      await expect(probing).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT', isRetryable: true });
    }
    await comeBack();
    await server.back(known, 2);
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 2, 'the submit has come');
    server.result(known, 2);
    await operation.result();
    expect(server.link.count(MessageType.TransportProbe)).toBe(0);
  });

  it('a probe without its answer fails: what it was to measure is gone', async () => {
    const server = await RecoveryServer.start();
    const { client, known } = await server.session();
    const probing = client.probe();
    await eventually(() => server.link.count(MessageType.TransportProbe) === 1, 'the probe has come');
    server.cut();
    await expect(probing).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    await server.back(known, 2);
  });

  it('a ping without its answer is sent again', async () => {
    const server = await RecoveryServer.start();
    const { client, known } = await server.session();
    server.link.isSilent = true;
    const pinging = client.ping();
    await eventually(() => server.link.pings > 0, 'the PING has come');
    server.cut();
    await pinging;
    expect(known.link).toBe(server.link);
    expect(client.roundTripMs).toBeGreaterThan(0);
  });

  it('opening a session waits, and an open without its answer is asked again', async () => {
    const server = await RecoveryServer.start();
    const { client, known } = await server.session();
    server.answersOpens = false;
    const unanswered = client.openSession({ clientSessionTag: 5n });
    await eventually(() => server.link.opens.length === 2, 'the open has come');
    const suspended = told(client, 'suspended');
    server.isUnreachable = true;
    server.cut();
    await suspended;
    const later = client.openSession({ clientSessionTag: 6n });
    server.answersOpens = true;
    server.isUnreachable = false;
    const ids = (await Promise.all([unanswered, later])).map(({ sessionId }) => sessionId);
    expect(ids).toEqual([2, 3]);
    expect(server.link.opens.map(({ clientSessionTag }) => clientSessionTag)).toEqual([0n, 5n, 6n]);
    expect(known.link).toBe(server.link);
  });

  it('closing comes to its end in time, and the server that comes back is told nothing wrong', async () => {
    const { client, session, inFlight } = await away({ closeTimeoutMs: 50 });
    const startMs = performance.now();
    const unsent = session.submitNow('unsent').result();
    const failed = expect(inFlight.result()).rejects.toMatchObject({
      code: 'NNRP_ERR_SESSION_LOST',
      isRetryable: false,
    });
    const unseen = expect(unsent).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_LOST', isRetryable: true });
    const report = await client.close({ drainTimeoutMs: 50 });
    expect(performance.now() - startMs).toBeLessThan(3000);
    const { sessionId } = session;
    expect(report).toEqual({
      drained: false,
      cut: [
        { sessionId, frameId: 1 },
        { sessionId, frameId: 2 },
      ],
    });
    await failed;
    await unseen;
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    // What the application has closed is closed, however that came about.
    expect(() => session.submitNow('late')).toThrow('NNRP_ERR_CLOSED');
    await expect(session.submit('late')).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await expect(session.patch({ qualityTier: 1 })).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(() => session.sendFlowUpdate({ credit: 1 })).toThrow('NNRP_ERR_CLOSED');
    expect(() => session.sendError(1, 'late')).toThrow('NNRP_ERR_CLOSED');
    expect(client.toJSON()).toMatchObject({ state: 'closed', sessionCount: 0 });
  });

  it('a close that was asked for is confirmed when the server is back in time', async () => {
    const { server, client, known, comeBack } = await away({ closeTimeoutMs: 5000 });
    const closing = client.close({ inFlightPolicy: preview3.InFlightPolicy.Abort });
    await comeBack();
    await closing;
    expect(isNnrpError(await client.closed, 'NNRP_ERR_CLOSED')).toBe(true);
    expect(known.received.some(({ messageType }) => messageType === MessageType.SessionClose)).toBe(true);
    expect(server.sessions.size).toBe(0);
  });

  it('a session that was closed in time by itself ends the client, which has nothing left', async () => {
    const { client, session } = await away({ closeTimeoutMs: 50 });
    await expect(session.close({ drainTimeoutMs: 0 })).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });
});

describe('the window', () => {
  it('is over: everything in flight fails, with what is known of it', async () => {
    const server = await RecoveryServer.start();
    server.windowMs = 120;
    const { client, session, known } = await server.session({}, { maxInFlightOperations: 0 });
    const seen = session.submitNow('seen').result();
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const suspended = told(client, 'suspended');
    server.isUnreachable = true;
    server.cut();
    await suspended;
    const startMs = performance.now();
    const outcomes = await Promise.allSettled([seen, session.submitNow('unseen').result(), session.submit('waits')]);
    expect(performance.now() - startMs).toBeGreaterThan(80);
    const reasons = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined));
    expect(reasons.map(({ code, isRetryable }) => [code, isRetryable])).toEqual([
      ['NNRP_ERR_SESSION_LOST', false],
      ['NNRP_ERR_SESSION_LOST', true],
      ['NNRP_ERR_SESSION_LOST', true],
    ]);
    expect(reasons[0].message).toContain('120 ms');
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(server.links.length).toBe(1);
  });

  it('begins with the loss of the connection, however often the client comes back without the session', async () => {
    const server = await RecoveryServer.start();
    server.windowMs = 300;
    const { client, session } = await server.session();
    server.verdict = () => 'cut';
    const failed = session
      .submitNow('work')
      .result()
      .catch((error: unknown) => error);
    const startMs = performance.now();
    server.cut();
    const lost = await new Promise((resolve) => client.once('lost', resolve));
    expect(performance.now() - startMs).toBeLessThan(3000);
    expect(server.links.length).toBeGreaterThan(2);
    expect(lost).toMatchObject({ sessionId: 1, error: { code: 'NNRP_ERR_SESSION_LOST' } });
    expect(await failed).toMatchObject({ code: 'NNRP_ERR_SESSION_LOST' });
  });
});

describe('a path on which nothing comes', () => {
  it('is left when a fence gets no PONG, although partial results have come', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ pingTimeoutMs: 100, keepAliveMs: 0 });
    const [first] = server.links;
    if (first === undefined) throw new Error('no link');
    first.isSilent = true;
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const texts: string[] = [];
    const reading = (async () => {
      for await (const result of operation) texts.push(result.text());
    })();
    server.partial(known, 1, 'a');
    await eventually(() => texts.length === 1, 'a result has come');
    await server.back(known, 2);
    server.result(known, 1, 'b');
    await reading;
    expect(texts).toEqual(['a', 'b']);
  });

  it('is left also by the keep-alive while nothing was sent', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ pingTimeoutMs: 50, keepAliveMs: 40 });
    const [first] = server.links;
    if (first !== undefined) first.isSilent = true;
    await server.back(known, 2);
    expect(session.endReason).toBeUndefined();
    await eventually(() => (server.link.pings ?? 0) > 2, 'the keep-alive goes on');
    expect(server.links.length).toBe(2);
  });

  it('is left by a ping of the application, which is answered on the next one', async () => {
    const server = await RecoveryServer.start();
    const { client, known } = await server.session({ keepAliveMs: 0 });
    const [first] = server.links;
    if (first !== undefined) first.isSilent = true;
    await client.ping(50);
    await server.back(known, 2);
  });

  it('is not left while results come', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ pingTimeoutMs: 100, keepAliveMs: 0 });
    server.link.isSilent = true;
    const operation = session.submitNow('work');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const startMs = performance.now();
    while (performance.now() - startMs < 500) {
      server.partial(known, 1, 'x');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(server.links.length).toBe(1);
    server.result(known, 1, 'end');
    expect((await operation.result()).text()).toBe('end');
  });

  it('is found on a new connection, too, and left for another one', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ pingTimeoutMs: 60, keepAliveMs: 0 });
    server.verdict = (_known, link) => {
      if (server.links.length > 2) return 'resume';
      link.isSilent = true;
      return 'no answer';
    };
    server.cut();
    await server.back(known, 3);
    expect(session.endReason).toBeUndefined();
  });

  it('is found where the answer to a resume does not come, though PONGs do', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({ openTimeoutMs: 100 });
    server.verdict = () => (server.links.length > 2 ? 'resume' : 'no answer');
    server.cut();
    await server.back(known, 3);
    expect(session.endReason).toBeUndefined();
  });
});

describe('an answer to a PING of a connection that is lost', () => {
  it('that has had no room to leave is not given on the next one either', async () => {
    const server = await RecoveryServer.start();
    const { session, known } = await server.session({}, { maxInFlightOperations: 0 });
    const first = session.submitNow('first');
    await eventually(() => server.submits(known).length === 1, 'the submit has come');
    const { link } = server;
    link.socket.pause();
    // More than the network takes.
    session.submitNow(new Uint8Array(60 * 1024 * 1024));
    link.send(packetBytes(MessageType.Ping));
    server.result(known, 1);
    await first.result();
    server.cut();
    await server.back(known, 2);
    await eventually(() => server.submits(known).length === 2, 'the second submit has come');
    await eventually(() => server.link.pongs > 0, 'the PING behind the answer is answered');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([link.pongs, server.link.pongs]).toEqual([0, 1]);
  });

  it('is not given on the next one', async () => {
    const server = await RecoveryServer.start();
    const { known } = await server.session();
    const { link } = server;
    link.send(packetBytes(MessageType.Ping));
    await eventually(() => link.pongs === 1, 'it is answered');
    server.cut();
    await server.back(known, 2);
    await eventually(() => server.link.pongs === 1, 'the PING behind the answer is answered');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.link.pongs).toBe(1);
  });
});
