import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import ts from 'typescript';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import type { NnrpClient, NnrpClientSession, NnrpServer, NnrpServerSession } from '../src/index.js';
import { Stage } from './stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

describe('the end of an `await using` block', () => {
  it('closes the session of a client, and leaves its connection open', async () => {
    const { server, client } = await stage.pair();
    void server.serve({ submit: ({ body }) => body });
    let left: NnrpClientSession | undefined;
    {
      await using session = await client.openSession();
      left = session;
      expect((await session.request('x')).text()).toBe('x');
    }
    expect([left.state, left.endReason?.code]).toEqual(['closed', 'NNRP_ERR_CLOSED']);
    expect((await (await client.openSession()).request('y')).text()).toBe('y');
  });

  it('closes a client with its sessions, in whatever order they stand', async () => {
    const server = await stage.serve();
    void server.serve({ submit: ({ body }) => body });
    let left: NnrpClientSession | undefined;
    let reason: Promise<Error> | undefined;
    {
      await using client = await stage.connect(server);
      reason = client.closed;
      await using session = await client.openSession();
      left = session;
    }
    expect(await reason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(left.state).toBe('closed');
  });

  it('drains: work in progress is answered', async () => {
    const { session, clientSession } = await stage.session();
    const asked = clientSession.request('work');
    const work = await session.receiveSubmit();
    const closing = session.receiveClose();
    const disposed = clientSession[Symbol.asyncDispose]();
    await closing;
    void session.ackClose();
    await work.complete('answered');
    expect(await disposed).toBeUndefined();
    expect((await asked).text()).toBe('answered');
  });

  it('closes a server and the sessions of a server', async () => {
    const { server, session, clientSession } = await stage.session();
    await session[Symbol.asyncDispose]();
    expect(session.state).toBe('closed');
    await server[Symbol.asyncDispose]();
    expect(server.sessionCount).toBe(0);
    await expect(clientSession.submit('x')).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|TRANSPORT/) });
  });

  it('does nothing to what is closed already, or lost', async () => {
    const { client, clientSession } = await stage.session();
    await stage.drop(client);
    await client.closed;
    await expect(clientSession[Symbol.asyncDispose]()).resolves.toBeUndefined();
    await expect(client[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  it('is what the types say', () => {
    expectTypeOf<NnrpServer>().toExtend<AsyncDisposable>();
    expectTypeOf<NnrpServerSession>().toExtend<AsyncDisposable>();
    expectTypeOf<NnrpClient>().toExtend<AsyncDisposable>();
    expectTypeOf<NnrpClientSession>().toExtend<AsyncDisposable>();
  });
});

it.each([
  ['with the symbol', '{ asyncDispose: native, for: Symbol.for }', 'native'],
  ['without it', '{ for: Symbol.for }', "Symbol.for('nnrp.asyncDispose')"],
])('an engine %s gives the method a key', (_, symbol, key) => {
  const file = fileURLToPath(new URL('../src/base/async-dispose.ts', import.meta.url));
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const context = createContext({ native: Symbol('native'), Symbol, exports: {} });
  const code = `(function (Symbol) { ${outputText}\n })(${symbol}); exports.ASYNC_DISPOSE === ${key}`;
  expect(runInContext(code, context)).toBe(true);
});
