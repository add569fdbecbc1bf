import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../src/server/contract/contract.js';
import { eventually } from '../support/eventually.js';
import { ScriptedServer } from '../support/scripted-server.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(async () => {
  await stage.clear();
  await ScriptedServer.clear();
});

describe('a request', () => {
  it('gives the one result, with what its options ask for', async () => {
    const { session, clientSession } = await stage.session();
    const asked = clientSession.request('ping', { traceId: 7n, deadlineMs: 9000, metadata: { targetFpsX100: 5 } });
    const work = await session.receiveSubmit();
    expect([work.text(), work.traceId, work.metadata.targetFpsX100]).toEqual(['ping', 7n, 5]);
    expect(work.metadata.latencyBudgetMs).toBe(9000);
    await work.complete({ body: 'pong', metadata: { statusCode: 200 } });
    const result = await asked;
    expect([result.text(), result.partial, result.metadata.statusCode]).toEqual(['pong', false, 200]);
    expect(clientSession.inFlightCount).toBe(0);
  });

  it.each(['by itself', 'beside a loop over the results of the session'])(
    'fails when the server answers in parts, and the work is cancelled, %s',
    async (where) => {
      const { session, clientSession } = await stage.session();
      const streamed: boolean[] = [];
      if (where !== 'by itself') {
        void (async () => {
          for await (const { result } of clientSession.results()) streamed.push(result.partial);
        })().catch(() => {});
      }
      const asked = clientSession.request('stream');
      const failure = expect(asked).rejects.toMatchObject({
        code: 'NNRP_ERR_USAGE',
        message: expect.stringMatching(/frame 1: the server answers in parts, .* use submit\(\)/),
      });
      const work = await session.receiveSubmit();
      await work.push('first token');
      await failure;
      await eventually(() => work.signal.aborted, 'the work is cancelled');
      expect(work.signal.reason).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
      await eventually(() => clientSession.inFlightCount === 0, 'the slot is given back');
      const next = clientSession.request('next');
      await (await session.receiveSubmit()).complete('done');
      expect((await next).text()).toBe('done');
    },
  );

  it('waits for its turn, and can be told not to, or be cancelled meanwhile', async () => {
    const { session, clientSession } = await stage.session({ grantedOperationCredit: 1 });
    const first = clientSession.request('first');
    const work = await session.receiveSubmit();
    const second = clientSession.request('second');
    const abort = new AbortController();
    const third = clientSession.request('third', { signal: abort.signal });
    await expect(clientSession.request('no', { onBlocked: 'fail' })).rejects.toMatchObject({
      code: 'NNRP_ERR_FLOW_BLOCKED',
    });
    abort.abort('enough');
    await expect(third).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED', cause: 'enough' });
    await work.complete('1');
    await (await session.receiveSubmit()).complete('2');
    expect((await first).text() + (await second).text()).toBe('12');
  });

  it('is cancelled by its signal', async () => {
    const { session, clientSession } = await stage.session();
    const abort = new AbortController();
    const asked = clientSession.request('work', { signal: abort.signal });
    const work = await session.receiveSubmit();
    abort.abort('enough');
    await expect(asked).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED', cause: 'enough' });
    await eventually(() => work.signal.aborted, 'the work is cancelled');
  });

  it('fails as its operation does, also while the connection has no room for it', async () => {
    const server = await ScriptedServer.start({ deadlineGraceMs: 0 });
    const session = await server.open(1, { grantedOperationCredit: 100, maxInFlightOperations: 100 });
    server.peer.socket.pause();
    const before = Array.from({ length: 30 }, () => session.request(new Uint8Array(1_000_000)));
    const late = session.request('late', { deadlineMs: 20 });
    await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_DEADLINE' });
    server.vanish();
    for (const request of before) await expect(request).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it.each(['its signal', 'its deadline', 'the close of its session'])(
    'and a submit are over by %s, also while the connection has no room for it',
    async (what) => {
      const server = await ScriptedServer.start({ deadlineGraceMs: 0, closeTimeoutMs: 20 });
      const session = await server.open(1, { grantedOperationCredit: 100, maxInFlightOperations: 100 });
      server.peer.socket.pause();
      const before = Array.from({ length: 30 }, () => session.request(new Uint8Array(1_000_000)).catch(() => {}));
      const abort = new AbortController();
      const options = what === 'its deadline' ? { deadlineMs: 20 } : { signal: abort.signal };
      const both = [session.submit('late', options), session.request('late', options)];
      if (what === 'its signal') abort.abort('enough');
      const closing =
        what === 'the close of its session' ? session.close({ drainTimeoutMs: 100 }).catch(() => {}) : undefined;
      const code = { 'its signal': 'NNRP_ERR_CANCELLED', 'its deadline': 'NNRP_ERR_DEADLINE' }[what];
      for (const outcome of await Promise.allSettled(both))
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { code: code ?? expect.stringMatching(/^NNRP_ERR/) },
        });
      await closing;
      server.vanish();
      await Promise.all(before);
    },
  );

  it('that is dropped ends no process, unless it was a mistake of its caller', async () => {
    const { session, clientSession } = await stage.session();
    void clientSession.request('work');
    await (await session.receiveSubmit()).drop();
    void clientSession.request('in parts');
    const work: OperationContext = await session.receiveSubmit();
    await work.push('part');
    await eventually(() => work.signal.aborted, 'the work is cancelled');
    expect(clientSession.endReason).toBeUndefined();
  });
});
