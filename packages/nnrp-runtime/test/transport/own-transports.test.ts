import { Duplex, PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import type { FramedListener, FramedTransport, PacketSink } from '../../src/transport/contract/contract.js';
import { MemoryListener } from '../../src/transport/memory.js';
import { StreamTransport } from '../../src/transport/stream/stream-transport.js';
import { eventually } from '../support/eventually.js';

/*
 * Listeners, transports and streams of the application's own, which may do anything: what one of them does costs its own
 * connection, every end comes to an end, and nothing is silent.
 */

const never = () => new Promise<never>(() => {});
const fail = (text: string) => (): never => {
  throw new Error(text);
};

/** A transport with some of its members replaced. */
function altered(transport: FramedTransport, members: PropertyDescriptorMap): FramedTransport {
  return new Proxy(transport, {
    get(target, name) {
      const own = members[name as string];
      if (own !== undefined) return own.get === undefined ? own.value : own.get();
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

interface Given {
  /** What the first connections become, one by one; then they are as they came. */
  readonly first?: readonly ((transport: FramedTransport) => unknown)[];
  readonly close?: () => unknown;
  readonly maxConnections?: number;
}

async function served({ first = [], close, maxConnections = 100 }: Given = {}) {
  const memory = new MemoryListener();
  let count = 0;
  const listener = {
    kind: 'memory',
    address: 'own',
    accept: async () => {
      const change = first[count++];
      const transport = await memory.accept();
      return change === undefined ? transport : change(transport);
    },
    close: close ?? (() => memory.close()),
  };
  const config = { transport: 'memory', drainTimeoutMs: 0, maxConnections };
  const server = NnrpServer.fromListener(listener as unknown as FramedListener, config);
  const errors: string[] = [];
  const missed: string[] = [];
  server.on('internalError', ({ error }) => errors.push((error as Error).message));
  server.on('acceptFailed', ({ error }) => missed.push(error.message));
  const serving = server.serve({ submit: ({ body }) => body });
  const connect = async () => NnrpClient.fromTransport(await memory.connect(), { openTimeoutMs: 5000 });
  return { memory, server, serving, errors, missed, connect };
}

describe('server.close()', () => {
  const rejects = () => Promise.reject(new Error('it broke'));
  const WAYS: readonly (readonly [what: string, close: () => unknown, said: string])[] = [
    ['rejects', rejects, 'it broke'],
    ['throws', fail('it broke'), 'it broke'],
    ['hangs', never, 'closed within 2000 ms'],
    // biome-ignore lint/suspicious/noThenProperty: what is thenable is the point
    ['gives a thenable that throws', () => ({ then: fail('it broke') }), 'it broke'],
  ];

  it.each(WAYS)('ends everything when the close of its listener %s', async (_what, close, said) => {
    const { server, serving, errors, connect } = await served({ close });
    const client = await connect();
    await client.openSession();
    await expect(server.close()).resolves.toEqual({ drained: true, cut: [] });
    await serving;
    await client.closed;
    expect(errors).toEqual([expect.stringContaining(said)]);
    expect([server.connectionCount, server.sessionCount]).toEqual([0, 0]);
  });

  it.each(WAYS)('ends everything when the close of a transport %s', async (_what, close, said) => {
    const first = [(transport: FramedTransport) => altered(transport, { close: { value: close } })];
    const { server, serving, errors, connect } = await served({ first });
    const clients = [await connect(), await connect()];
    for (const client of clients) await client.openSession();
    await expect(server.close()).resolves.toEqual({ drained: true, cut: [] });
    await serving;
    await clients[1]?.closed;
    expect(errors).toEqual([expect.stringContaining(said)]);
    expect([server.connectionCount, server.sessionCount]).toEqual([0, 0]);
  });

  it.each(WAYS)('of a client resolves when the close of its transport %s', async (_what, close, said) => {
    const { memory, server } = await served();
    const client = NnrpClient.fromTransport(altered(await memory.connect(), { close: { value: close } }));
    const errors: string[] = [];
    client.on('internalError', ({ error }) => errors.push((error as Error).message));
    await client.openSession();
    await expect(client.close()).resolves.toEqual({ drained: true, cut: [] });
    expect(errors).toEqual([expect.stringContaining(said)]);
    await server.close();
  });
});

describe('a transport that takes a moment to close', () => {
  it.each([Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY, 2 ** 31 + 5, 0, -1, Number.NaN])(
    'gets it, whatever it says of the most it may take: %s',
    async (maxCloseMs) => {
      const { memory, server } = await served();
      const transport = await memory.connect();
      const close = () => new Promise((resolve) => setTimeout(resolve, 30)).then(() => transport.close());
      const members = { close: { value: close }, maxCloseMs: { value: maxCloseMs } };
      const client = NnrpClient.fromTransport(altered(transport, members));
      const errors: unknown[] = [];
      client.on('internalError', ({ error }) => errors.push(error));
      await client.openSession();
      await client.close();
      expect(errors).toEqual([]);
      await server.close();
    },
  );
});

describe('what accept() gives', () => {
  const trap = new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : fail('not to be looked at')()) });
  const JUNK: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['text', 'socket'],
    ['a bare socket', new PassThrough()],
    ['what cannot be looked at', trap],
  ];

  it.each(JUNK)('takes no place when it is %s, and accepting goes on', async (_what, junk) => {
    const first = [() => junk, () => junk, () => junk];
    const { memory, server, serving, missed, connect } = await served({ first, maxConnections: 1 });
    for (let count = 0; count < 3; count++) await memory.connect();
    const client = await connect();
    await client.openSession();
    expect(missed).toEqual([expect.stringContaining('expected a FramedTransport')]);
    expect(server.connectionCount).toBe(1);
    await server.close();
    await serving;
  });

  it('keeps nobody else from running when it is junk without end', async () => {
    let asked = 0;
    const listener = { kind: 'memory', address: 'own', accept: async () => void asked++, close: async () => {} };
    const server = NnrpServer.fromListener(listener as unknown as FramedListener, { transport: 'memory' });
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(asked).toBeLessThan(50);
    await server.close();
    await expect(server.accept()).rejects.toThrow('the server was closed');
  });

  it('ends no loop when it is one too many and its abort throws', async () => {
    const first = [
      (transport: FramedTransport) => transport,
      (transport: FramedTransport) => altered(transport, { abort: { value: fail('no abort') } }),
    ];
    const { memory, server, errors, connect } = await served({ first, maxConnections: 1 });
    const client = await connect();
    await client.openSession();
    await memory.connect();
    await eventually(() => errors.length > 0, 'it has been refused');
    expect(errors).toEqual(['no abort']);
    await client.close();
    await eventually(() => server.connectionCount === 0, 'there is room');
    await (await connect()).openSession();
    await server.close();
  });

  it('may have no address that can be read', async () => {
    const first = [(transport: FramedTransport) => altered(transport, { remoteAddress: { get: fail('no address') } })];
    const { server, connect } = await served({ first });
    const client = await connect();
    const session = await client.openSession();
    expect((await (await session.submit('x')).result()).byteLength).toBeGreaterThan(0);
    await client.close();
    await eventually(() => server.connectionCount === 0, 'its place is free');
    await server.close();
  });
});

describe('accept()', () => {
  it('that waits when serve() is called is refused', async () => {
    const memory = new MemoryListener();
    const server = NnrpServer.fromListener(memory, { transport: 'memory' });
    const waiting = server.accept();
    const serving = server.serve({ submit: () => 'x' });
    await expect(waiting).rejects.toThrow('serve() takes the sessions of this server');
    const session = await NnrpClient.fromTransport(await memory.connect()).openSession();
    await (await session.submit('x')).result();
    await server.close();
    await serving;
  });
});

describe('what a transport says of its end', () => {
  const SAYINGS: [string, (sink: PacketSink) => void, string][] = [
    ['text', (sink) => sink.closed('it is gone' as never), 'the connection broke: it is gone'],
    ['an Error', (sink) => sink.closed(new Error('it is gone') as never), 'the connection broke: it is gone'],
    ['a fault that is none', (sink) => sink.broken(undefined as never), 'an internal error ended the connection'],
  ];

  it.each(SAYINGS)('reaches callers as a TransportError: %s', async (_what, say, said) => {
    const { memory, server } = await served();
    let told: PacketSink | undefined;
    const transport = await memory.connect();
    const start = (sink: PacketSink) => {
      told = sink;
      transport.start(sink);
    };
    const client = NnrpClient.fromTransport(altered(transport, { start: { value: start } }));
    const session = await client.openSession();
    say(told as PacketSink);
    await expect(client.closed).resolves.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: expect.stringContaining(said),
    });
    await expect(session.submit('x')).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    await server.close();
  });
});

describe('a stream', () => {
  const silent = { read() {}, write: (_chunk: unknown, _encoding: unknown, done: () => void) => done() };
  const over = (error?: Error) => {
    const stream = new PassThrough();
    stream.on('error', () => {});
    stream.destroy(error);
    return stream;
  };
  const clientOf = (stream: Duplex) =>
    NnrpClient.fromTransport(new StreamTransport(stream, { kind: 'own', remoteAddress: 'own:1', closeTimeoutMs: 1 }), {
      openTimeoutMs: 60_000,
    });

  it.each([
    ['without a word', undefined, 'own:1: the stream was destroyed before it was handed over'],
    ['by an error', new Error('it was reset'), 'own:1: the connection broke: it was reset'],
  ])('that was destroyed before %s is reported at once', async (_how, error, said) => {
    const stream = over(error);
    if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
    const client = clientOf(stream);
    await expect(client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT', rawMessage: said });
    await client.close();
  });

  it.each([
    ['says no close', { ...silent, emitClose: false }],
    ['is never destroyed', { ...silent, destroy() {} }],
    ['never finishes', { ...silent, final() {} }],
  ])('that %s keeps no close waiting', async (_how, options) => {
    const client = clientOf(new Duplex(options));
    client.openSession().catch(() => {});
    await client.close();
    await expect(client.closed).resolves.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  const BREAKS: [string, object, (stream: Duplex) => unknown, string][] = [
    ['throws in write', { ...silent, write: fail('no disk') }, () => {}, 'no disk'],
    ['says an error of nothing', silent, (stream) => stream.emit('error', undefined), 'no reason was given'],
    ['is destroyed with text', silent, (stream) => stream.destroy('too late' as never), 'too late'],
  ];

  it.each(BREAKS)('that %s is blamed itself', async (_how, options, end, said) => {
    const stream = new Duplex(options);
    const client = clientOf(stream);
    const opening = client.openSession();
    end(stream);
    await expect(opening).rejects.toMatchObject({ rawMessage: `own:1: the connection broke: ${said}` });
    await client.close();
  });
});
