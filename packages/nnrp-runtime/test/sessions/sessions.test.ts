import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpResult } from '../../src/client/results/nnrp-result.js';
import type { NnrpServerSession } from '../../src/server/contract/contract.js';
import type { ProtocolViolation } from '../../src/server/contract/server-events.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const { ResultClass, SessionErrorCode } = preview3;
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

describe('a session', () => {
  it('opens, answers and closes with both ends agreeing on everything', async () => {
    const { server, client } = await stage.pair();
    const clientSession = await client.openSession({ requestedSessionId: 42, defaultDeadlineMs: 900 });
    const session = await server.accept();
    expect([clientSession.sessionId, session.sessionId]).toEqual([42, 42]);
    expect(session.clientOpen).toMatchObject({ requestedSessionId: 42, defaultDeadlineMs: 900, clientSessionTag: 42n });
    expect(clientSession.ack).toMatchObject({ sessionId: 42, grantedOperationCredit: 2, maxInFlightOperations: 4 });

    const operation = await clientSession.submit('prompt', { metadata: { latencyBudgetMs: 77 } });
    const submit = await session.receiveSubmit();
    expect([operation.frameId, submit.frameId, text(submit.body), submit.traceId]).toEqual([1, 1, 'prompt', 0n]);
    expect(submit.metadata).toMatchObject({ payloadKindBitmap: 2, payloadFrameCount: 1, latencyBudgetMs: 77 });
    expect([session.inFlightCount, session.isInFlight(1), clientSession.inFlightCount]).toEqual([1, true, 1]);

    await session.sendResult(1, { statusCode: 200, inferenceMs: 12 }, utf8('delta'));
    const result = await operation.result();
    expect([result.frameId, result.partial, text(result.body)]).toEqual([1, false, 'delta']);
    expect(result.metadata).toMatchObject({ statusCode: 200, inferenceMs: 12, resultClass: ResultClass.Complete });
    expect([session.inFlightCount, session.isInFlight(1), clientSession.inFlightCount]).toEqual([0, false, 0]);

    const closing = clientSession.close();
    const close = await session.receiveClose();
    expect(close.metadata).toMatchObject({ lastOperationId: 1n, sessionCloseTag: 42, closeReason: 1 });
    expect(session.state).toBe('closing');
    await session.ackClose(close);
    await closing;
    expect([session.state, server.sessionCount]).toEqual(['closed', 0]);
    await expect(session.sendResult(1, {})).rejects.toThrow(/\[NNRP_ERR_CLOSED]/);
    await expect(clientSession.submit('late')).rejects.toThrow(/\[NNRP_ERR_CLOSED]/);
  });

  it('delivers partial results in order and then the last one', async () => {
    const { session, clientSession } = await stage.session();
    const operation = await clientSession.submit('count');
    const { frameId } = await session.receiveSubmit();
    for (let part = 0; part < 50; part++) {
      await session.sendResult(frameId, { resultClass: ResultClass.Partial }, utf8(`${part}`));
    }
    await session.sendResult(frameId, { resultFlags: preview3.ResultFlags.Partial }, utf8('flagged'));
    await session.sendResult(frameId, {}, utf8('end'));
    const bodies: string[] = [];
    const partial: boolean[] = [];
    for await (const result of operation) {
      bodies.push(text(result.body));
      partial.push(result.partial);
    }
    expect(bodies).toEqual([...Array(50).keys()].map(String).concat('flagged', 'end'));
    expect(partial.indexOf(false)).toBe(51);
    expect(text((await operation.result()).body)).toBe('end');
  });

  it('gives a loop and result() on the same operation their end', async () => {
    const { session, clientSession } = await stage.session();
    const operation = await clientSession.submit('both');
    const looped = (async () => {
      const results: NnrpResult[] = [];
      for await (const result of operation) results.push(result);
      return results;
    })();
    const { frameId } = await session.receiveSubmit();
    const last = operation.result();
    await session.sendResult(frameId, { resultClass: ResultClass.Partial });
    await session.sendResult(frameId, {}, utf8('end'));
    expect(text((await last).body)).toBe('end');
    await looped;
  });

  it('cancels the operation when its loop is left before the last result', async () => {
    const { session, clientSession } = await stage.session();
    const operation = await clientSession.submit('x');
    const { frameId } = await session.receiveSubmit();
    for (let part = 0; part < 5; part++) await session.sendResult(frameId, { resultClass: ResultClass.Partial });
    for await (const _ of operation) break;
    expect(operation.isOver).toBe(true);
    expect((await session.receiveCancel()).frameId).toBe(frameId);
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await eventually(() => clientSession.inFlightCount === 0, 'the slot is given back');
  });

  it('drops a frame: the client is told and does not wait', async () => {
    const { session, clientSession } = await stage.session();
    const [first, second] = [await clientSession.submit('1'), await clientSession.submit('2')];
    await session.sendResultDrop((await session.receiveSubmit()).frameId);
    await expect(first.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    const loop = (async () => {
      for await (const _ of second);
    })();
    await session.sendResultDrop((await session.receiveSubmit()).frameId);
    await expect(loop).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    expect([session.inFlightCount, clientSession.inFlightCount]).toEqual([0, 0]);
  });

  it('answers every frame once: no result after a result, a drop, or out of nothing', async () => {
    const { session, clientSession } = await stage.session();
    for (const body of ['1', '2']) void (await clientSession.submit(body)).result().catch(() => {});
    const [first, second] = [await session.receiveSubmit(), await session.receiveSubmit()];
    await session.sendResult(first.frameId, {});
    await session.sendResultDrop(second.frameId);
    for (const frameId of [first.frameId, second.frameId, 3, 0]) {
      await expect(session.sendResult(frameId, {})).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
      await expect(session.sendResultDrop(frameId)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    }
  });

  it('leaves a frame open when its result cannot be written', async () => {
    const { session, clientSession } = await stage.session();
    const operation = await clientSession.submit('x');
    const { frameId } = await session.receiveSubmit();
    await expect(session.sendResult(frameId, { statusCode: 70_000 })).rejects.toThrow(
      /USAGE.*statusCode takes .*, got 70000/,
    );
    await expect(session.sendResult(frameId, { tileCount: 1 })).rejects.toThrow(/RPUSH-1/);
    await session.sendResult(frameId, {}, utf8('good'));
    expect(text((await operation.result()).body)).toBe('good');
  });

  it('carries bodies of any size and text in any script', async () => {
    const { server, client } = await stage.pair();
    const clientSession = await client.openSession();
    void shout(await server.accept());
    for (const body of ['', 'ä ß 漢字 🎉', 'x'.repeat(2048), 'x'.repeat(2049), 'y'.repeat(3_000_000)]) {
      const operation = await clientSession.submit(body);
      expect(text((await operation.result()).body)).toBe(body.toUpperCase());
    }
    await clientSession.close();
  });

  it('copies small bodies at once', async () => {
    const { session, clientSession } = await stage.session();
    const small = utf8('small');
    const operation = await clientSession.submit(small);
    small.fill(0);
    const submit = await session.receiveSubmit();
    expect(text(submit.body)).toBe('small');
    const answer = utf8('answer');
    await session.sendResult(submit.frameId, {}, answer);
    answer.fill(0);
    expect(text((await operation.result()).body)).toBe('answer');
  });
});

describe('frame ids of a client', () => {
  it('count up from 1, and a refused submit does not use one up', async () => {
    const { session, clientSession } = await stage.session();
    expect((await clientSession.submit('a')).frameId).toBe(1);
    await expect(clientSession.submit('b', { metadata: { tileCount: 1 } })).rejects.toThrow(/FSUB-1/);
    await expect(clientSession.submit('b', { metadata: { latencyBudgetMs: -1 } })).rejects.toThrow(
      /USAGE.*latencyBudgetMs takes .*, got -1/,
    );
    expect((await clientSession.submit('c')).frameId).toBe(2);
    expect([(await session.receiveSubmit()).frameId, (await session.receiveSubmit()).frameId]).toEqual([1, 2]);
  });

  it('wait for their turn when the server allows no more at once', async () => {
    const { session, clientSession } = await stage.session({ maxInFlightOperations: 2 }, { maxInFlightOperations: 2 });
    const submitting = ['1', '2', '3', '4'].map((body) => clientSession.submit(body));
    await (await submitting[1])?.frameId;
    expect(clientSession.inFlightCount).toBe(2);
    for (let count = 0; count < 4; count++) await session.sendResult((await session.receiveSubmit()).frameId, {});
    const operations = await Promise.all(submitting);
    expect(operations.map((operation) => operation.frameId)).toEqual([1, 2, 3, 4]);
    await Promise.all(operations.map((operation) => operation.result()));
  });

  it('hand their turn on when they are refused after waiting', async () => {
    const { session, clientSession } = await stage.session({ maxInFlightOperations: 1 }, { maxInFlightOperations: 1 });
    const first = await clientSession.submit('1');
    const refused = clientSession.submit('2', { metadata: { tileCount: 1 } });
    const third = clientSession.submit('3');
    const refusal = expect(refused).rejects.toThrow(/FSUB-1/);
    await session.sendResult((await session.receiveSubmit()).frameId, {});
    await first.result();
    await refusal;
    expect((await third).frameId).toBe(2);
  });
});

describe('session ids', () => {
  it('differ for two default clients at once, on two connections and on one', async () => {
    const server = await stage.serve();
    const clients = await Promise.all([stage.connect(server), stage.connect(server)]);
    const sessions = await Promise.all([...clients, ...clients].map((client) => client.openSession()));
    const ids = sessions.map((session) => session.sessionId);
    expect(new Set(ids).size).toBe(4);
    expect(ids).not.toContain(0);
    expect(server.sessionCount).toBe(4);
  });

  it.each([
    ['a policy that answers at once', () => undefined],
    [
      'a policy that takes its time',
      async () => {
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        return undefined;
      },
    ],
  ])('are granted to one of 200 concurrent requests for the same id, with %s', async (_name, validateSessionOpen) => {
    const server = await stage.serve({ applicationPolicy: { validateSessionOpen } });
    const clients = await Promise.all(Array.from({ length: 50 }, () => stage.connect(server)));
    const opens = Array.from({ length: 200 }, (_, index) =>
      clients[index % 50]?.openSession({ requestedSessionId: 7 }),
    );
    const outcomes = await Promise.allSettled(opens);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled').length).toBe(1);
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.wireCode] : []));
    expect(new Set(codes)).toEqual(new Set([SessionErrorCode.SessionLimitReached]));
    expect(server.sessionCount).toBe(1);
  });

  it('are free again after a close, from either side, and after a connection is lost', async () => {
    const server = await stage.serve();
    const client = await stage.connect(server);
    const requestedSessionId = 9;
    for (let round = 0; round < 3; round++) {
      const clientSession = await client.openSession({ requestedSessionId });
      const session = await server.accept();
      const closing = clientSession.close();
      await session.ackClose(await session.receiveClose());
      await closing;
    }
    await client.openSession({ requestedSessionId });
    await client.openSession({ requestedSessionId: 10 });
    await (await server.accept()).close();
    await expect(client.openSession({ requestedSessionId: 10 })).rejects.toMatchObject({ wireCode: 0x00010007 });
    await client.openSession({ requestedSessionId });
    await stage.drop(client);
    await eventually(() => server.sessionCount === 0, 'the sessions are gone');
    const other = await stage.connect(server);
    await other.openSession({ requestedSessionId });
    await other.openSession({ requestedSessionId: 10 });
  });

  it('are refused with session_limit_reached above the limits of server and connection', async () => {
    const server = await stage.serve({ maxSessions: 3, maxSessionsPerConnection: 2 });
    const [first, second] = [await stage.connect(server), await stage.connect(server)];
    await first.openSession();
    await first.openSession();
    await expect(first.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED', wireCode: 0x00010007 });
    await second.openSession();
    await expect(second.openSession()).rejects.toMatchObject({ wireCode: 0x00010007 });
  });

  it.each([-1, 1.5, 2 ** 32, Number.NaN])(
    'cannot be %d: the client refuses, and can go on',
    async (requestedSessionId) => {
      const { client } = await stage.pair();
      await expect(client.openSession({ requestedSessionId })).rejects.toMatchObject({
        code: 'NNRP_ERR_USAGE',
        rawMessage: `session options: requestedSessionId takes an integer of 0 to 4294967295, got ${requestedSessionId}`,
      });
      await client.openSession();
    },
  );
});

describe('several sessions on one connection', () => {
  it('do not disturb each other', async () => {
    const { server, client } = await stage.pair();
    const clientSessions = await Promise.all(Array.from({ length: 20 }, () => client.openSession()));
    for (let count = 0; count < 20; count++) void shout(await server.accept());
    await Promise.all(
      clientSessions.map(async (session, index) => {
        for (let round = 0; round < 10; round++) {
          const body = `session ${index} round ${round}`;
          const operation = await session.submit(body);
          expect(operation.frameId).toBe(round + 1);
          expect(text((await operation.result()).body)).toBe(body.toUpperCase());
        }
        await session.close();
      }),
    );
    expect(server.sessionCount).toBe(0);
    expect(server.connectionCount).toBe(1);
  });

  it('live on when one of them is closed by the server, and nobody complains', async () => {
    const { server, client } = await stage.pair();
    const complaints: unknown[] = [];
    for (const event of ['stray', 'protocolViolation'] as const) {
      client.on(event, (detail: unknown) => complaints.push(event, detail));
    }
    client.on('peerError', ({ error }) => {
      // Why the frame in flight is dropped.
      if (error.wireCode !== preview3.ErrorCode.FrameCancelled) complaints.push(error);
    });
    server.on('protocolViolation', (violation: ProtocolViolation) => complaints.push(violation));
    const [kept, closed] = [await client.openSession(), await client.openSession()];
    const sessions = [await server.accept(), await server.accept()];
    const operation = await closed.submit('never answered');
    await sessions[1]?.receiveSubmit();
    // Both at once: the messages cross.
    const now = { drainTimeoutMs: 0 };
    const both = Promise.all([closed.close(now), sessions[1]?.close(now)]);
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await both;
    expect(closed.endReason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    await expect(closed.submit('late')).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    for (let round = 0; round < 3; round++) {
      const { sessionId } = await client.openSession({ requestedSessionId: closed.sessionId });
      expect(sessionId).toBe(closed.sessionId);
      await (await server.accept()).close();
      await eventually(() => server.sessionCount === 1, 'the session is closed');
      const next = await kept.submit('still here');
      await sessions[0]?.sendResult((await sessions[0].receiveSubmit()).frameId, {});
      await next.result();
    }
    expect(complaints).toEqual([]);
    expect(kept.endReason).toBeUndefined();
  });
});
