import { afterEach, expect, it, vi } from 'vitest';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(async () => {
  vi.useRealTimers();
  await stage.clear();
});

it('fake timers stop no turn: requests are answered, streams go on, and everything closes', async () => {
  const { server, client } = await stage.pair();
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date'] });
  void server.serve({
    async *submit() {
      for (let part = 0; part < 2000; part++) yield 'part';
      return 'end';
    },
  });
  const session = await client.openSession({ defaultDeadlineMs: 0 });
  let parts = 0;
  for await (const { partial } of await session.submit('x')) if (partial) parts++;
  expect(parts).toBe(2000);
  expect(await session.close()).toEqual({ drained: true, cut: [] });
  await client.close();
  await server.close();
});

it('a package that is loaded under fake timers serves, streams and closes all the same', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date', 'performance'] });
  vi.resetModules();
  const { NnrpClient, NnrpServer } = await import('../../src/index.js');
  const server = await NnrpServer.bindTcp('127.0.0.1:0');
  void server.serve(async function* () {
    for (let part = 0; part < 2000; part++) yield 'part';
  });
  const client = await NnrpClient.connectTcp(server.localAddress);
  const operation = await (await client.openSession()).submit(new Uint8Array(1_000_000));
  expect((await operation.wholeText()).length).toBe(8000);
  expect(await client.close()).toEqual({ drained: true, cut: [] });
  expect(await server.close()).toEqual({ drained: true, cut: [] });
});

it('a clock that a test moves by a minute at once costs no connection', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date', 'performance'] });
  const { server, client } = await stage.pair();
  void server.serve({ submit: ({ body }) => body });
  const session = await client.openSession();
  const lost: unknown[] = [];
  client.on('suspended', ({ error }) => lost.push(error));
  for (let jump = 0; jump < 3; jump++) {
    vi.advanceTimersByTime(60_000);
    expect((await session.request('here')).text()).toBe('here');
  }
  expect(lost).toEqual([]);
  await client.close();
  await server.close();
});
