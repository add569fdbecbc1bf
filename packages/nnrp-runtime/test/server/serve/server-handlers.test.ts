import { once } from 'node:events';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { HandlerFailure } from '../../../src/server/contract/server-events.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { ResultClass, ResultFlags } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

interface Served {
  readonly server: NnrpServer;
  readonly peer: SessionPeer;
  readonly failures: HandlerFailure[];
}

/** A server with these handlers, and a bare peer with a session on it. */
async function served(
  handlers: ServeHandlers | ServeHandlers['submit'],
  { announced = true, ...config }: NnrpServerOptions & { announced?: boolean } = {},
): Promise<Served> {
  const server = await stage.serve(config);
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve(typeof handlers === 'function' ? { submit: handlers } : handlers);
  return { server, peer: await SessionPeer.open(stage, server, { announced }), failures };
}

describe('what a submit handler returns', () => {
  it.each<[string, ServeHandlers['submit'], string]>([
    ['text', () => 'text', 'result 1 text'],
    ['bytes', () => new Uint8Array([0x62, 0x79]), 'result 1 by'],
    ['a promise', async () => 'later', 'result 1 later'],
    ['a promise of another library', () => thenable('foreign'), 'result 1 foreign'],
    ['a value with metadata', () => ({ body: 'value', metadata: { statusCode: 200 } }), 'result 1 value'],
    ['nothing', () => undefined, 'result 1'],
    ['a promise of nothing', async () => {}, 'result 1'],
  ])('is the last result: %s', async (_name, submit, expected) => {
    const { peer } = await served(submit);
    peer.submit(1);
    expect(await peer.next()).toBe(expected);
  });

  it('carries the metadata it was given, and the trace id of its submit', async () => {
    const { peer } = await served(() => ({ body: 'x', metadata: { statusCode: 200, inferenceMs: 7 } }));
    const submit = peer.submitBytes(1);
    new DataView(submit.buffer).setBigUint64(32, 0x1122334455667788n, true);
    peer.raw.send(submit);
    const packet = await peer.packet();
    expect(preview3.decodeResultPush(packet.view, packet.metadataStart)).toMatchObject({
      statusCode: 200,
      inferenceMs: 7,
      resultClass: ResultClass.Complete,
    });
    expect(packet.traceId).toBe(0x1122334455667788n);
  });

  it('may be a stream: an async generator, partial results first, its return last', async () => {
    const { peer } = await served(async function* (operation) {
      for (const letter of new TextDecoder().decode(operation.body)) yield letter;
      return 'end';
    });
    peer.submit(1, 'abc');
    expect(await peer.take(4)).toEqual(['partial 1 a', 'partial 1 b', 'partial 1 c', 'result 1 end']);
  });

  it('may be a stream: a generator, which needs no return value', async () => {
    const { peer } = await served(function* () {
      yield 'a';
      yield { body: 'b', metadata: { resultFlags: ResultFlags.Fallback } };
    });
    peer.submit(1);
    expect(await peer.next()).toBe('partial 1 a');
    const second = await peer.packet();
    const { resultClass, resultFlags } = preview3.decodeResultPush(second.view, second.metadataStart);
    expect([resultClass, resultFlags]).toEqual([ResultClass.Partial, ResultFlags.Partial | ResultFlags.Fallback]);
    expect(await peer.next()).toBe('result 1');
  });

  it('does not matter to other frames: each has its own handler', async () => {
    const waiting = new Map<string, () => void>();
    const { peer } = await served(
      (operation) =>
        new Promise((resolve) =>
          waiting.set(new TextDecoder().decode(operation.body), () => resolve(`done ${operation.frameId}`)),
        ),
    );
    peer.submit(1, 'first');
    peer.submit(2, 'second');
    await eventually(() => waiting.size === 2, 'both handlers run');
    waiting.get('second')?.();
    expect(await peer.next()).toBe('result 2 done 2');
    waiting.get('first')?.();
    expect(await peer.next()).toBe('result 1 done 1');
  });
});

describe('a frame', () => {
  it('gets partial results by push and its last by complete; what comes after is refused locally', async () => {
    const refusals: unknown[] = [];
    const { peer, failures } = await served(async (operation) => {
      await operation.push('a');
      await operation.complete('z');
      for (const late of [() => operation.push('b'), () => operation.complete('c'), () => operation.drop()]) {
        await late().catch((error: unknown) => refusals.push(error));
      }
      return 'ignored';
    });
    peer.submit(1);
    expect(await peer.take(2)).toEqual(['partial 1 a', 'result 1 z']);
    expect(await peer.answers()).toEqual([]);
    expect(refusals).toHaveLength(3);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(failures).toEqual([]);
  });

  it('gets a drop when its handler drops it, and nothing else', async () => {
    const { peer } = await served(async (operation) => {
      await operation.drop();
      await expect(operation.complete('late')).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    });
    peer.submit(1);
    expect(await peer.next()).toBe('drop 1');
    expect(await peer.answers()).toEqual([]);
  });

  it('may be answered after its handler, which returns `finished`', async () => {
    let held: OperationContext | undefined;
    const { peer } = await served((operation) => {
      held = operation;
      return operation.finished;
    });
    peer.submit(1);
    expect(await peer.answers()).toEqual([]);
    await held?.push('a');
    await held?.complete('z');
    expect(await peer.take(2)).toEqual(['partial 1 a', 'result 1 z']);
    await held?.finished;
    expect(held?.isOver).toBe(true);
    expect(await peer.answers()).toEqual([]);
  });

  it('is not used up by a result that cannot be written: the handler may send another', async () => {
    const { peer } = await served(async (operation) => {
      await expect(operation.complete({ metadata: { tileCount: -1 } })).rejects.toThrow(
        /USAGE.*tileCount takes .*, got -1/,
      );
      await expect(operation.complete({ metadata: { resultClass: ResultClass.Partial } })).rejects.toThrow(/use push/);
      return 'good';
    });
    peer.submit(1);
    expect(await peer.next()).toBe('result 1 good');
  });
});

describe('serve', () => {
  it('takes over sessions that wait for accept, with all they have sent so far', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    peer.submit(1, 'early');
    peer.submit(2, 'cancelled early');
    peer.cancel(2);
    peer.patch();
    expect(await peer.answers()).toEqual(['drop 2']);
    const cancelled: number[] = [];
    void server.serve({
      submit: (operation) => `answer to ${operation.frameId}`,
      cancel: ({ frameId }) => void cancelled.push(frameId),
      patch: () => ({}),
    });
    expect(await peer.take(2)).toEqual(['result 1 answer to 1', 'session_patch_ack']);
    expect(cancelled).toEqual([2]);
    await expect(server.accept()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('tells of sessions that open and end, with the reason', async () => {
    const seen: string[] = [];
    const { peer, server } = await served({
      submit: () => 'x',
      session: (session) => void seen.push(`opened ${session.sessionId}`),
      ended: (session, reason) => void seen.push(`ended ${session.sessionId} ${reason.code}`),
    });
    peer.close();
    expect(await peer.next()).toBe('close ack closed');
    const lost = once(server, 'connectionLost');
    const other = await SessionPeer.open(stage, server, { requestedSessionId: 9 });
    other.raw.destroy();
    await lost;
    expect(seen).toEqual(['opened 1', 'ended 1 NNRP_ERR_CLOSED', 'opened 9', 'ended 9 NNRP_ERR_TRANSPORT']);
  });

  it('leaves the sessions within reach of its server, which may look at one and close it', async () => {
    const { server, client } = await stage.pair();
    void server.serve({ submit: (operation) => operation.finished });
    const [kept, idle] = [await client.openSession(), await client.openSession()];
    await kept.submit('work');
    await eventually(() => server.sessions().some(({ inFlightCount }) => inFlightCount === 1), 'the work is there');
    expect(server.sessions().map(({ sessionId, state }) => [sessionId, state])).toEqual([
      [kept.sessionId, 'open'],
      [idle.sessionId, 'open'],
    ]);
    await server
      .sessions()
      .find(({ inFlightCount }) => inFlightCount === 0)
      ?.close();
    await eventually(() => idle.state === 'closed', 'the client knows of the close');
    expect([kept.state, server.sessions().map(({ sessionId }) => sessionId)]).toEqual(['open', [kept.sessionId]]);
  });

  it('lives through errors of its other handlers, and reports them', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    const handlers = { session: broken, ended: broken, cancel: broken, patch: broken, migrate: broken, cache: broken };
    const { peer, failures } = await served({ ...handlers, close: broken, event: broken, submit: (op) => op.finished });
    peer.submit(1);
    peer.cancel(1);
    peer.patch();
    peer.migrate();
    peer.put(1, 'x');
    peer.flow({ creditEpoch: 1 });
    peer.close();
    const failed = 'error session 0 internal_error';
    const said = ['drop 1', failed, failed, 'cache_ack', 'close ack closed'];
    expect((await peer.take(5)).sort()).toEqual(said.sort());
    await eventually(() => failures.length === 8, 'every failure is reported');
    expect(failures.every(({ frameId, error }) => frameId <= 1 && (error as Error).message === 'broken')).toBe(true);
  });

  it('answers what it has no handler for: a patch is rejected, a migration refused, a close confirmed', async () => {
    const { peer } = await served(() => 'x');
    peer.patch();
    const patch = await peer.packet();
    expect(preview3.decodeSessionPatchAck(patch.view, patch.metadataStart)).toMatchObject({
      ackStatus: preview3.SessionPatchAckStatus.Rejected,
      rejectReason: preview3.SessionPatchRejectReason.UnsupportedField,
      appliedPatchMask: 0,
      rejectedPatchMask: preview3.PatchFlags.QualityTier,
    });
    peer.migrate();
    const migrate = await peer.packet();
    expect(preview3.decodeSessionMigrateAck(migrate.view, migrate.metadataStart).acceptCode).toBe(1);
    peer.close();
    expect(await peer.next()).toBe('close ack closed');
  });

  it('refuses to be called twice, without a submit handler, and with options that cannot work', async () => {
    const server = await stage.serve();
    const submit = () => 'x';
    await expect(server.serve({} as never)).rejects.toThrow(/handler submit/);
    await expect(server.serve({ submit }, { maxConcurrentOperations: 0 })).rejects.toThrow(/maxConcurrentOperations/);
    await expect(server.serve({ submit }, { maxQueued: 1 } as never)).rejects.toThrow(/maxQueued'/);
    const serving = server.serve({ submit });
    await expect(server.serve({ submit })).rejects.toThrow(/called before/);
    await server.close();
    await expect(serving).resolves.toBeUndefined();
  });
});

function thenable(value: string): PromiseLike<string> {
  // biome-ignore lint/suspicious/noThenProperty: a promise that is no instance of Promise
  return { then: (resolve: (value: string) => unknown) => void setImmediate(() => resolve(value)) } as never;
}
