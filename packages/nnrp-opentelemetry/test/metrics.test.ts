import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { HandlerError, isNnrpError, NnrpClient, NnrpServer } from 'nnrp-runtime';
import { afterEach, expect, it } from 'vitest';
import { Telemetry } from './telemetry.js';

const OPERATIONS = 10_000;
const CLIENTS = 10;
const AT_ONCE = 50;
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** What stands between a client and a server, to be cut. */
async function cuttable(target: string) {
  const sockets = new Set<Socket>();
  const [host = '', port = ''] = target.split(':');
  const proxy = createServer((socket) => {
    const onward = createConnection({ host, port: Number(port) });
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        socket.destroy();
        onward.destroy();
      });
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  ends.push(async () => proxy.close());
  const { port: own } = proxy.address() as { port: number };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return { address: `127.0.0.1:${own}`, cut };
}

it('measurements add up after 10,000 operations with cancels, drops and cuts', async () => {
  const telemetry = new Telemetry();
  ends.push(() => telemetry.end());
  const server = await NnrpServer.bindTcp('127.0.0.1:0', {
    drainTimeoutMs: 0,
    deadlines: false,
    maxInFlightOperations: AT_ONCE,
    // A session that is cut is over at once.
    resumeWindowMs: 0,
  });
  ends.push(() => server.close());
  const stopped = telemetry.instrumentation.observe(server);
  server.on('handlerFailure', () => {});
  const completed = { server: 0, partials: 0 };
  void server.serve(
    telemetry.instrumentation.handlers({
      async *submit(operation) {
        const kind = operation.text();
        if (kind === 'fail') throw new Error('a defect');
        if (kind === 'refuse') throw new HandlerError('MINE', 'on purpose');
        if (kind === 'wait') {
          await operation.finished;
          return;
        }
        yield 'one';
        yield 'two';
        if (!operation.isOver) completed.server++;
      },
    }),
  );
  const truth = new Map<string, number>();
  let results = 0;
  const count = (outcome: string) => truth.set(outcome, (truth.get(outcome) ?? 0) + 1);
  const kinds = ['stream', 'stream', 'fail', 'refuse', 'cancel', 'stream', 'stream', 'stream', 'stream', 'stream'];

  async function run(index: number): Promise<void> {
    const { address, cut } = await cuttable(server.localAddress);
    const client = await NnrpClient.connectTcp(address, { reconnect: 'never' });
    ends.push(() => client.close());
    const session = await client.openSession({ maxInFlightOperations: AT_ONCE });
    let left = OPERATIONS / CLIENTS;
    const isCut = index % 2 === 0;
    const work = async () => {
      while (left > 0) {
        const at = --left;
        const isLast = isCut && at < AT_ONCE;
        const kind = isLast ? 'wait' : kinds[at % kinds.length];
        try {
          const operation = await session.submit(kind === 'cancel' ? 'wait' : (kind as string));
          if (kind === 'cancel') operation.cancel();
          if (isLast && at === 0) setImmediate(cut);
          for await (const _result of operation) results++;
          count('completed');
        } catch (error) {
          count(isNnrpError(error) ? error.code : 'UNKNOWN');
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => run(index)));
  for (const end of ends.splice(3)) await end();
  while (server.connectionCount > 0 || server.sessionCount > 0) await turn();

  expect([...truth.values()].reduce((sum, value) => sum + value, 0)).toBe(OPERATIONS);
  expect(truth.get('UNKNOWN')).toBeUndefined();
  const client = { 'nnrp.role': 'client' };
  expect(await telemetry.sum('nnrp.operations', client)).toBe(OPERATIONS);
  for (const [outcome, value] of truth) {
    if (outcome === 'completed') continue;
    const reason = { ...client, 'nnrp.reason': outcome };
    expect([outcome, await telemetry.sum('nnrp.operations.dropped', reason)]).toEqual([outcome, value]);
  }
  expect(await telemetry.sum('nnrp.operations.dropped', client)).toBe(OPERATIONS - (truth.get('completed') ?? 0));
  for (const outcome of ['completed', 'NNRP_ERR_HANDLER_FAILED', 'MINE', 'NNRP_ERR_CANCELLED', 'NNRP_ERR_TRANSPORT'])
    expect([outcome, (truth.get(outcome) ?? 0) > 0]).toEqual([outcome, true]);
  // Two parts each, and an empty last result.
  expect(results).toBe(3 * (truth.get('completed') ?? 0));
  expect(completed.server).toBe(truth.get('completed'));

  const counters = server.counters();
  const served = { 'nnrp.role': 'server' };
  expect(await telemetry.sum('nnrp.operations', served)).toBe(counters.operations);
  expect(counters.completedOperations).toBe(truth.get('completed'));
  for (const [reason, value] of Object.entries(counters.drops))
    expect([reason, await telemetry.sum('nnrp.operations.dropped', { ...served, 'nnrp.reason': reason })]).toEqual([
      reason,
      value,
    ]);
  expect(counters.operations).toBe(counters.completedOperations + sumOf(counters.drops));
  expect(counters.drops).toMatchObject({
    handler_failed: truth.get('NNRP_ERR_HANDLER_FAILED'),
    handler_error: truth.get('MINE'),
  });

  for (const name of ['nnrp.operations.active', 'nnrp.sessions.active']) expect(await telemetry.sum(name)).toBe(0);
  expect(await telemetry.sum('rpc.client.call.duration')).toBeLessThanOrEqual(OPERATIONS);
  expect(await telemetry.sum('rpc.server.call.duration')).toBe(counters.operations);
  expect(await telemetry.sum('gen_ai.client.operation.time_to_first_chunk')).toBe(truth.get('completed'));
  expect(await telemetry.sum('gen_ai.server.time_to_first_token')).toBe(counters.completedOperations);
  expect(await telemetry.sum('gen_ai.server.time_per_output_token')).toBe(counters.completedOperations);
  const received = { ...served, 'network.io.direction': 'receive' };
  expect(await telemetry.sum('nnrp.network.io', received)).toBe(counters.receivedBytes);
  expect(await telemetry.points('nnrp.server.operations.queued')).toMatchObject([{ value: 0 }]);
  stopped();
}, 120_000);

it('a server that makes up codes makes no more series of its clients than there may be', async () => {
  const telemetry = new Telemetry();
  ends.push(() => telemetry.end());
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0, maxInFlightOperations: AT_ONCE });
  ends.push(() => server.close());
  let made = 0;
  server
    .serve({
      submit: () => {
        throw new HandlerError(`MADE_UP_${++made}`, 'on purpose');
      },
    })
    .catch(() => {});
  const client = await NnrpClient.connectTcp(server.localAddress);
  ends.push(() => client.close());
  const session = await client.openSession({ maxInFlightOperations: 0 });
  for (let at = 0; at < 400; at++) await session.request('x').catch(() => {});
  const points = await telemetry.points('nnrp.operations.dropped');
  expect(points.length).toBeLessThan(140);
  expect(await telemetry.sum('nnrp.operations.dropped', { 'nnrp.role': 'client' })).toBe(400);
  expect(await telemetry.sum('nnrp.operations.dropped', { 'nnrp.reason': '_OTHER' })).toBeGreaterThan(200);
}, 30_000);

function sumOf(drops: object): number {
  return Object.values(drops).reduce((sum: number, value) => sum + Number(value), 0);
}
