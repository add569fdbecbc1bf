import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { NnrpClient, NnrpServer, preview3 } from 'nnrp-runtime';
import { connectWebSocket } from 'nnrp-transport-websocket';
import { afterEach, describe, expect, it } from 'vitest';
import { createAdmin } from '../src/index.js';
import { type TracedPacket, tracePackets } from '../src/inspector/packet-trace.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve() {
  const server = await NnrpServer.bindTcp('127.0.0.1:0', { drainTimeoutMs: 0, keepAliveMs: 0 });
  ends.push(() => server.close());
  void server.serve({
    async *submit() {
      yield 'one';
      yield 'two';
    },
  });
  const admin = createAdmin(server);
  const address = await admin.listen('127.0.0.1:0');
  ends.push(() => admin.close());
  const sessions = async (query = '') => {
    const answer = await fetch(`http://${address}/sessions?${query}`);
    return (await answer.json()) as { total: number; rows: Record<string, unknown>[] };
  };
  return { server, sessions, address };
}

describe('a subscriber of the application that spoils messages', () => {
  it('costs their figures and a warning, never the process', async () => {
    const spoil = (message: unknown) => {
      Object.assign(message as object, { operation: null, connection: null, head: null });
    };
    const channels = ['nnrp:operation:start', 'nnrp:operation:end', 'nnrp:packet:receive', 'nnrp:packet:send'];
    for (const name of channels) diagnostics.subscribe(name, spoil);
    ends.push(async () => channels.forEach((name) => void diagnostics.unsubscribe(name, spoil)));
    const uncaught: unknown[] = [];
    const warnings: string[] = [];
    const failed = (error: unknown) => uncaught.push(error);
    const warned = ({ message }: Error) => warnings.push(message);
    process.on('uncaughtException', failed).on('warning', warned);
    ends.push(async () => process.off('uncaughtException', failed).off('warning', warned));

    const { server, sessions } = await serve();
    const client = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => client.close());
    const session = await client.openSession();
    const served = server.session(session.sessionId);
    if (served === undefined) throw new Error('there is no such session');
    const enough = new AbortController();
    const tracing = tracePackets(served, enough.signal).next();
    expect(await (await session.submit('x')).wholeText()).toBe('onetwo');
    expect((await sessions()).total).toBe(1);
    enough.abort();
    await expect(tracing).rejects.toThrow();
    await client.ping();
    expect(uncaught).toEqual([]);
    expect(new Set(warnings)).toEqual(
      new Set([
        'nnrp-admin: a message about an operation could not be read',
        'nnrp-admin: a message about a packet could not be read',
      ]),
    );
  });
});

/** What stands between a client and a server, to be cut. */
async function cuttable(target: string) {
  const sockets: Socket[] = [];
  const [host = '', port = ''] = target.split(':');
  const proxy = createServer((socket) => {
    const onward = createConnection({ host, port: Number(port) });
    for (const end of [socket, onward]) {
      sockets.push(end);
      end.on('error', () => {});
    }
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  ends.push(async () => proxy.close());
  const cut = () => {
    for (const socket of sockets.splice(0)) socket.resetAndDestroy();
  };
  return { address: `127.0.0.1:${(proxy.address() as { port: number }).port}`, cut };
}

describe.each(['preview3', 'preview4'] as const)('a trace of a session of %s', (revision) => {
  it('has all fields of its packets, by the names of its own wire', async () => {
    const { server, sessions } = await serve();
    const client = await NnrpClient.connectTcp(server.localAddress, { revision });
    ends.push(() => client.close());
    const session = await client.openSession();
    const served = server.session(session.sessionId);
    if (served === undefined) throw new Error('there is no such session');
    const enough = new AbortController();
    const found: TracedPacket[] = [];
    const tracing = (async () => {
      for await (const { packets } of tracePackets(served, enough.signal)) {
        found.push(...packets);
        if (found.some(({ type, metadata }) => /RESULT/.test(type) && isLast(metadata))) return;
      }
    })();
    expect(await (await session.submit('a secret')).wholeText()).toBe('onetwo');
    await tracing;
    enough.abort();
    const partial = revision === 'preview3' ? 'RESULT_PUSH' : 'PARTIAL_RESULT';
    const types = found.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['FRAME_SUBMIT', partial, 'RESULT_PUSH']));
    for (const { type, header, metadata, bodyBytes } of found) {
      expect(header['session_id']).toBe(session.sessionId);
      expect([type, Object.keys(metadata ?? {}).length > 0]).toEqual([type, true]);
      expect(bodyBytes).toBeGreaterThanOrEqual(0);
    }
    const submit = found.find(({ type }) => type === 'FRAME_SUBMIT');
    // Each wire has fields of its own in a submit.
    expect('operation_id' in (submit?.metadata ?? {})).toBe(revision === 'preview4');
    expect(JSON.stringify(found)).not.toContain('secret');
    expect((await sessions()).rows[0]).toMatchObject({ revision });
  });
});

/** Whether a result is the last one: it is none of the partial ones. */
function isLast(metadata: TracedPacket['metadata']): boolean {
  return !JSON.stringify(metadata ?? {})
    .toLowerCase()
    .includes('partial');
}

describe('sessions', () => {
  it('that are suspended are found, and are none when their client is back', async () => {
    const { server, sessions } = await serve();
    const { address, cut } = await cuttable(server.localAddress);
    const client = await NnrpClient.connectTcp(address, { reconnectBackoffMs: 1 });
    ends.push(() => client.close());
    const other = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => other.close());
    const session = await client.openSession();
    await other.openSession();
    const suspended = new Promise((resolve) => {
      server.on('sessionSuspended', () => resolve(sessions('suspendedOnly=true')));
    });
    const resumed = new Promise((resolve) => server.on('sessionResumed', resolve));
    cut();
    expect(await suspended).toMatchObject({
      total: 1,
      rows: [{ sessionId: session.sessionId, isSuspended: true, inFlight: 0 }],
    });
    await resumed;
    expect(await sessions('suspendedOnly=true')).toEqual({ total: 0, rows: [] });
    expect(await sessions()).toMatchObject({ total: 2 });
  });

  it('say what credit their clients have, and who holds whom back', async () => {
    const { server, sessions } = await serve();
    const client = await NnrpClient.connectTcp(server.localAddress);
    ends.push(() => client.close());
    const session = await client.openSession();
    const served = server.session(session.sessionId);
    const row = async () => (await sessions()).rows[0];
    expect(await row()).toMatchObject({
      operationCredit: session.ack.grantedOperationCredit,
      backpressureLevel: 0,
      resultsPaused: false,
    });
    await served?.sendFlowUpdate({ credit: 1, backpressureLevel: preview3.BackpressureLevel.Soft });
    expect(await row()).toMatchObject({ operationCredit: 1, backpressureLevel: 1 });
    await served?.sendFlowUpdate({ updateReason: preview3.UpdateReason.Resume });
    expect(await row()).toMatchObject({ operationCredit: 1, backpressureLevel: 0 });
    session.sendFlowUpdate({ backpressureLevel: preview3.BackpressureLevel.Hard });
    // It comes behind the update.
    await client.ping();
    expect(await row()).toMatchObject({ resultsPaused: true });
  });
});

it('a question of the page that is longer than any is refused unread', async () => {
  const { address } = await serve();
  const client = await connectWebSocket(`ws://${address}/inspect`, {}, { announce: false });
  ends.push(() => client.close());
  const session = await client.openSession();
  const question = (pad: number) => JSON.stringify({ ask: 'overview', pad: 'x'.repeat(pad) });
  const long = await session.submit(question(16 * 1024));
  await expect(long.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
  expect((await session.request(question(1000))).json()).toMatchObject({ errors: [] });
});
