import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { HandlerFailure } from '../../src/server/contract/server-events.js';
import type { SubmitOutcome } from '../../src/server/serve/serve-handlers.js';
import { NnrpServer } from '../../src/server/server.js';
import { Stage } from '../support/stage.js';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const stage = new Stage();
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
let others: NodeJS.UnhandledRejectionListener[] = [];

beforeEach(() => {
  others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', note);
});
afterEach(async () => {
  await stage.turns(3);
  process.removeAllListeners('unhandledRejection');
  for (const other of others) process.on('unhandledRejection', other);
  expect(unhandled.splice(0)).toEqual([]);
  await stage.clear();
});

/** Work whose failure comes after it was dropped. */
const model = async (): Promise<never> => {
  await stage.turns(2);
  throw new Error('the model failed');
};

/** What the client gets, and what the application is told, of a frame with this handler. */
async function served(submit: (operation: OperationContext) => unknown) {
  const { server, client } = await stage.pair();
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit: submit as (operation: OperationContext) => SubmitOutcome });
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  const outcome = await (await session.submit('x')).result().then(
    ({ body }) => text(body),
    (error: { code: string }) => error.code,
  );
  await stage.turns(6);
  return { outcome, told: failures.map(({ error }) => (error as Error).message) };
}

describe('a handler that forgets to await', () => {
  it.each<[string, (operation: OperationContext) => unknown, RegExp]>([
    ['a body', () => ({ body: model() }), /body: .* forget await/],
    ['metadata', () => ({ body: 'x', metadata: model() }), /result metadata: .* forget await/],
    ['a field of metadata', () => ({ body: 'x', metadata: { statusCode: model() } }), /statusCode .* forget await/],
    ['a field that no result has', () => ({ text: model() }), /an object with text/],
    ['a list', async () => [model(), model()], /chunk 0: .* forget await/],
    [
      'what it yields',
      function* () {
        yield { body: model() };
      },
      /body: .* forget await/,
    ],
    ['what it pushes', async (operation) => await operation.push(model() as never), /result: .* forget await/],
    [
      'what it completes with',
      async (operation) => await operation.complete(model() as never),
      /result: .* forget await/,
    ],
    [
      'what it sends',
      (operation) => operation.session.sendResult(operation.frameId, { statusCode: model() as never }, 'x'),
      /statusCode .* forget await/,
    ],
  ])('%s fails, is told why once, and keeps its process', async (_what, submit, message) => {
    const { outcome, told } = await served(submit);
    expect(outcome).toBe('NNRP_ERR_HANDLER_FAILED');
    expect(told).toEqual([expect.stringMatching(message)]);
  });

  it('the result of a frame that is over keeps its process', async () => {
    const submit = async (operation: OperationContext) => {
      await operation.complete('done');
      void operation.push(model() as never);
      return { body: model() };
    };
    expect(await served(submit)).toEqual({ outcome: 'done', told: [] });
  });
});

describe('a mistake in a push whose promise nobody awaits', () => {
  it('is told once, however many there are', async () => {
    const submit = (operation: OperationContext) => {
      for (const wrong of [42, { nope: 1 }, model()]) void operation.push(wrong as never);
      return 'ok';
    };
    expect(await served(submit)).toEqual({ outcome: 'ok', told: [expect.stringMatching(/got 42/)] });
  });

  it('is not told again when the handler throws it after all', async () => {
    const submit = async (operation: OperationContext) => {
      const pushed = operation.push(42 as never);
      await stage.turns(3);
      await pushed;
    };
    const { outcome, told } = await served(submit);
    expect([outcome, told]).toEqual(['NNRP_ERR_HANDLER_FAILED', [expect.stringMatching(/got 42/)]]);
  });

  it('is not told beside another failure of the handler', async () => {
    const submit = (operation: OperationContext) => {
      void operation.push(42 as never);
      throw new Error('another');
    };
    expect((await served(submit)).told).toEqual(['another']);
  });
});

it.each<[string, (operation: OperationContext) => unknown, RegExp]>([
  ['a reason, which preview3 cannot say', (operation) => void operation.drop({ reasonCode: 6 }), /needs preview4/],
  ['an option that there is none of', (operation) => void operation.drop({ nope: 1 } as never), /no option 'nope'/],
  ['a promise', (operation) => void operation.drop({ text: model() as never }), /text /],
])('a drop with %s, whose promise nobody awaits, is told', async (_what, submit, message) => {
  const { told } = await served(submit);
  expect(told).toEqual([expect.stringMatching(message)]);
});

describe('a client that forgets to await', () => {
  it.each<[string, unknown[]]>([
    ['a body', [model]],
    ['a chunk of a body', [() => ['x', model()]]],
    ['options', ['x', model]],
    ['metadata', ['x', () => ({ metadata: model() })]],
    ['a field of metadata', ['x', () => ({ metadata: { latencyBudgetMs: model() } })]],
    ['a field of options', ['x', () => ({ signal: model() })]],
  ])('%s is told so, and keeps its process', async (_what, given) => {
    const { clientSession } = await stage.session();
    const call = given.map((value) => (typeof value === 'function' ? value() : value));
    await expect(clientSession.submit(...(call as [string]))).rejects.toThrow(/did you forget await/);
  });

  it('the token of a session is told so, also on a connection that is over', async () => {
    const { client } = await stage.pair();
    await expect(client.openSession({ auth: model() as never })).rejects.toThrow(/auth .*did you forget await/);
    await client.close();
    await expect(client.openSession({ auth: model() as never })).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it.each([new Map([['latencyBudgetMs', 5]]), new Set(['latencyBudgetMs'])])(
    'and %o is no bag of fields either',
    async (bag) => {
      const { clientSession } = await stage.session();
      await expect(clientSession.submit('x', { metadata: bag as object })).rejects.toThrow(
        'submit metadata: expected an object',
      );
      await expect(clientSession.submit('x', bag as object)).rejects.toThrow('submit options: expected an object');
    },
  );
});

describe('a promise in a call that is refused', () => {
  const promised = (name: string) => ({ [name]: model() });

  it('keeps the process of a client', async () => {
    const { client, clientSession } = await stage.session();
    const calls: (() => unknown)[] = [
      () => clientSession.submitNow('x', promised('deadlineMs')),
      () => clientSession.submit('x', promised('operationId')),
      () => clientSession.submit('x', { onBlocked: { within: [model()] } as never }),
      () => clientSession.putObject({ nonsense: 1 } as never, 'x', promised('timeoutMs')),
      () => clientSession.patch({}, 'x', promised('timeoutMs')),
      () => client.hello(promised('auth')),
      () => client.resumeSession('no ticket', promised('auth')),
      () => client.migrate({} as never, promised('signal')),
      () => NnrpClient.connect('nnrp://127.0.0.1:1', promised('tls')),
      () => NnrpClient.connect('nnrp://127.0.0.1:1', { transports: model() as never }),
      () => NnrpClient.connect('nnrp://127.0.0.1:1', new Map() as never),
    ];
    for (const call of calls) expect(await refusalOf(call)).toBe('NNRP_ERR_USAGE');
  });

  it('keeps the process of a server', async () => {
    const { server, session: serverSession } = await stage.session();
    void server.serve({ submit: () => '' });
    const calls: (() => unknown)[] = [
      () => server.serve({ submit: () => '' }, promised('scheduling')),
      () => server.serve({ submit: () => '', patch: model() as never }),
      () => server.renew(promised('privateKey')),
      () => server.close(promised('drainTimeoutMs')),
      () => NnrpServer.bindTls('127.0.0.1:0', { certificateChain: [model(), model()] as never, privateKey: 'x' }),
      () => NnrpServer.listen('nnrp://127.0.0.1:0', promised('tls')),
      () => NnrpServer.listen('nnrp://127.0.0.1:0', promised('maxConnections')),
      () => NnrpServer.listen('nnrp://127.0.0.1:0', { transports: model() as never }),
      () => serverSession.sendPatchAck(promised('retryAfterMs')),
      () => serverSession.endWith(model() as never),
      () => serverSession.trackCacheObject(promised('objectKind') as never),
      () => serverSession.cacheObject(promised('cacheNamespace') as never),
      () => serverSession.sendFlowUpdate(promised('updateReason') as never),
    ];
    for (const call of calls) expect(await refusalOf(call)).toBe('NNRP_ERR_USAGE');
  });
});

describe('a promise that is thrown', () => {
  it.each<[string, (operation: OperationContext) => unknown]>([
    [
      'by a handler',
      () => {
        throw model();
      },
    ],
    [
      'by a generator',
      async function* () {
        yield 'a';
        throw model();
      },
    ],
  ])('%s is its failure, and keeps its process', async (_who, submit) => {
    expect((await served(submit)).outcome).toBe('NNRP_ERR_HANDLER_FAILED');
  });

  it('by a listener and by the handler of a session keeps its process', async () => {
    const { server, client } = await stage.pair();
    const failing = () => {
      throw model();
    };
    server.on('handlerFailure', failing);
    void server.serve({ submit: failing, session: failing });
    const session = await client.openSession();
    await expect(session.request('x')).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
  });

  it('by the policy refuses the session, and keeps its process', async () => {
    const policy = () => {
      throw model();
    };
    const { client } = await stage.pair({ authorize: policy });
    await expect(client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED' });
  });
});

/** The code of what a call throws or rejects with. */
async function refusalOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return (error as { code?: unknown }).code ?? `${call} failed by ${error}`;
  }
  return `${call} has passed`;
}
