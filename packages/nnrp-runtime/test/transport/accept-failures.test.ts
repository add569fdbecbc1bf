import { Server } from 'node:net';
import { afterEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import type { AcceptFailure } from '../../src/transport/contract/contract.js';
import { TlsConnector } from '../../src/transport/tls/tls.js';
import { TlsHandshakes } from '../../src/transport/tls/tls-handshakes.js';
import { issue } from '../support/certificates.js';

const root = await issue({ name: 'CN=root', authority: true, ips: ['127.0.0.1'] });
const TLS = { certificateChain: root.certificate, privateKey: root.key };

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** The socket that began to listen last. The system's own failures of accept cannot be had at will. */
const lastSocket = (listens: MockInstance<Server['listen']>) => listens.mock.contexts.at(-1) as Server;

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
    const listens = vi.spyOn(Server.prototype, 'listen');
    const server = await bind();
    cleanup.push(() => server.close());
    const socket = lastSocket(listens);
    const events: AcceptFailure[] = [];
    server.on('acceptFailed', (failure) => void events.push(failure));
    const over = server.serve({ submit: ({ body }) => body });
    over.catch(() => {});
    return { server, socket, events, over };
  }

  it.each(['ENOBUFS', 'EMFILE', 'EPROTO', 'ECONNABORTED', 'ENETDOWN'])('goes on after %s of accept', async (code) => {
    const { server, socket, events } = await serving();
    socket.emit('error', failed(code));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ address: server.localAddress, failures: 1, error: { cause: { code } } });
    const client = await connect(server.localAddress);
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    expect((await (await session.submit('x')).result()).byteLength).toBeGreaterThan(0);
    await client.close();
  });

  it('says so once a second at most, with how many there were', async () => {
    const { socket, events } = await serving();
    const clock = vi.spyOn(performance, 'now');
    const startMs = clock.getMockImplementation()?.() ?? performance.now();
    clock.mockImplementation(() => startMs + 5000);
    for (let count = 0; count < 100; count++) socket.emit('error', failed('ENOBUFS'));
    expect(events.map(({ failures }) => failures)).toEqual([1]);
    clock.mockImplementation(() => startMs + 6001);
    socket.emit('error', failed('ENOBUFS'));
    expect(events.map(({ failures }) => failures)).toEqual([1, 100]);
  });

  it('ends when it really listens no more', async () => {
    const { server, socket, over } = await serving();
    const told = new Promise<unknown>((resolve) => server.on('listenerFailed', resolve));
    socket.close();
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
    const begin = vi.spyOn(TlsHandshakes.prototype, 'begin').mockImplementationOnce(() => {
      throw new Error('a defect');
    });
    const connecting = () => new TlsConnector(server.localAddress, { roots: root.certificate }).connect();
    await expect(connecting()).rejects.toThrow(/cannot connect/);
    (await connecting()).abort();
    expect(begin).toHaveBeenCalledTimes(2);
    expect(warned).toHaveBeenCalledTimes(1);
  });
});
