import type { Server } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../src/client/client.js';
import { NnrpServer } from '../src/server/server.js';
import type { AcceptFailure } from '../src/transport/contract.js';
import { TlsConnector } from '../src/transport/tls.js';
import { issue } from './certificates.js';

const root = await issue({ name: 'CN=root', authority: true, ips: ['127.0.0.1'] });
const TLS = { certificateChain: root.certificate, privateKey: root.key };

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** The socket behind a server. The system's own failures of accept cannot be had at will. */
const socketOf = (server: NnrpServer) => (server as unknown as { listener: { server: Server } }).listener.server;

const failed = (code: string) => Object.assign(new Error(`accept ${code}`), { code });

const WAYS = [
  ['TCP', () => NnrpServer.bindTcp('127.0.0.1:0'), (to: string) => NnrpClient.connectTcp(to)],
  [
    'TLS',
    () => NnrpServer.bindTls('127.0.0.1:0', TLS),
    (to: string) => NnrpClient.connectTls(to, { roots: root.certificate }),
  ],
] as const;

describe.each(WAYS)('a server over %s', (_, bind, connect) => {
  async function serving() {
    const server = await bind();
    cleanup.push(() => server.close());
    const events: AcceptFailure[] = [];
    server.on('acceptFailed', (failure) => void events.push(failure));
    const over = server.serve({ submit: ({ body }) => body });
    over.catch(() => {});
    return { server, events, over };
  }

  it.each(['ENOBUFS', 'EMFILE', 'EPROTO', 'ECONNABORTED', 'ENETDOWN'])('goes on after %s of accept', async (code) => {
    const { server, events } = await serving();
    socketOf(server).emit('error', failed(code));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ address: server.localAddress, failures: 1, error: { cause: { code } } });
    const client = await connect(server.localAddress);
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    expect((await (await session.submit('x')).result()).byteLength).toBeGreaterThan(0);
    await client.close();
  });

  it('says so once a second at most, with how many there were', async () => {
    const { server, events } = await serving();
    const clock = vi.spyOn(performance, 'now');
    const startMs = clock.getMockImplementation()?.() ?? performance.now();
    clock.mockImplementation(() => startMs + 5000);
    for (let count = 0; count < 100; count++) socketOf(server).emit('error', failed('ENOBUFS'));
    expect(events.map(({ failures }) => failures)).toEqual([1]);
    clock.mockImplementation(() => startMs + 6001);
    socketOf(server).emit('error', failed('ENOBUFS'));
    expect(events.map(({ failures }) => failures)).toEqual([1, 100]);
  });

  it('ends when it really listens no more', async () => {
    const { server, over } = await serving();
    const told = new Promise<unknown>((resolve) => server.on('listenerFailed', resolve));
    socketOf(server).close();
    await expect(over).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    expect(await told).toMatchObject({ message: expect.stringContaining('does not listen any more') });
  });

  it('ends in good order when it is closed', async () => {
    const { server, events, over } = await serving();
    await server.close();
    await over;
    expect(events).toEqual([]);
  });
});

describe('a TLS listener', () => {
  it('still takes clients after a connection whose handshake threw', async () => {
    const server = await NnrpServer.bindTls('127.0.0.1:0', TLS);
    cleanup.push(() => server.close());
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { handshakes } = (server as unknown as { listener: { handshakes: { begin(socket: unknown): void } } })
      .listener;
    const begin = vi.spyOn(handshakes, 'begin').mockImplementationOnce(() => {
      throw new Error('a defect');
    });
    const connecting = () => new TlsConnector(server.localAddress, { roots: root.certificate }).connect();
    await expect(connecting()).rejects.toThrow(/cannot connect/);
    (await connecting()).abort();
    expect(begin).toHaveBeenCalledTimes(2);
    expect(warned).toHaveBeenCalledTimes(1);
  });
});
