import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import { NnrpServer } from '../../../src/server/server.js';
import { listenerAt } from '../../../src/transport/url/listener-at.js';
import { issue } from '../../support/certificates.js';
import { freePath } from '../ipc/ipc-carrier.js';

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
const CERTIFIED = { tls: { certificateChain: certificate, privateKey: key } };

const ends: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end.close();
});

async function listen(...given: Parameters<typeof NnrpServer.listen>): Promise<NnrpServer> {
  const server = await NnrpServer.listen(...given);
  ends.push(server);
  server.serve({ submit: ({ body }) => body });
  return server;
}

async function answered(...given: [address: string, config?: object]): Promise<string> {
  const client = await NnrpClient.connect(...given);
  ends.push(client);
  const session = await client.openSession();
  return (await session.request('hello')).text();
}

describe('a server on URLs', () => {
  it('listens on all of them as one', async () => {
    const path = freePath();
    const addresses = ['127.0.0.1:0', 'nnrp://127.0.0.1:0', 'nnrps://127.0.0.1:0', `unix:${path}`];
    const server = await listen(addresses, { ...CERTIFIED, maxSessions: 4 });
    const [plain, also, sealed, local] = server.endpoints.map(({ localAddress }) => localAddress);
    expect(server.endpoints.map(({ kind }) => kind)).toEqual(['tcp', 'tcp', 'tcp', 'ipc']);
    expect(local).toBe(`unix:${path}`);
    expect(await answered(plain as string)).toBe('hello');
    expect(await answered(`nnrp://${also}`)).toBe('hello');
    expect(await answered(`nnrps://${sealed}`, { tls: { roots: certificate } })).toBe('hello');
    expect(await answered(local as string)).toBe('hello');
    expect(server.sessionCount).toBe(4);
    // One limit for all.
    await expect(answered(plain as string)).rejects.toThrow('session_limit_reached');
  });

  it('has options of each address, where they are made one by one', async () => {
    const other = await issue({ name: 'CN=other', ips: ['127.0.0.1'] });
    const tls = { certificateChain: other.certificate, privateKey: other.key };
    const server = await NnrpServer.listenOn(
      [
        listenerAt('nnrps://127.0.0.1:0', CERTIFIED),
        listenerAt('nnrps://127.0.0.1:0', { transports: { nnrps: tls } }),
        listenerAt('127.0.0.1:0'),
      ],
      { maxSessions: 3 },
    );
    ends.push(server);
    void server.serve({ submit: ({ body }) => body });
    const [first, second, plain] = server.endpoints.map(({ localAddress }) => localAddress);
    const asked = (address: string | undefined, roots: string) => answered(`nnrps://${address}`, { tls: { roots } });
    expect(await asked(first, certificate)).toBe('hello');
    expect(await asked(second, other.certificate)).toBe('hello');
    expect(await answered(`nnrp://${plain}`)).toBe('hello');
    await expect(asked(second, certificate)).rejects.toThrow();
  });

  it.each<[args: unknown[], message: string]>([
    [[7], 'listenerAt: address takes a text, got number'],
    [['nowhere'], 'listenerAt: '],
    [['127.0.0.1:0', CERTIFIED], 'tls: it means nothing for'],
    [['127.0.0.1:0', { transports: { nnrps: {} } }], "'nnrps' is the scheme of no address"],
    [['127.0.0.1:0', { maxSessions: 1 }], 'listenerAt'],
  ])('is refused what no listener can be made of: %s', (args, message) => {
    expect(() => listenerAt(...(args as [string]))).toThrow(message);
  });

  it('listens on one, and is a server like any other', async () => {
    const server = await listen(`unix:${freePath()}`, { maxSessions: 7 });
    expect(server.config).toMatchObject({ transport: 'ipc', maxSessions: 7 });
    expect(server.endpoints).toHaveLength(1);
    expect(await answered(server.localAddress)).toBe('hello');
  });

  it('listens on all or none', async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as { port: number };
    const path = freePath();
    await expect(NnrpServer.listen([`unix:${path}`, `nnrp://127.0.0.1:${port}`])).rejects.toThrow(
      `listen: listener 2 of 2: cannot listen on 127.0.0.1:${port}`,
    );
    expect(existsSync(path)).toBe(false);
    busy.close();
  });

  it('is verified as with connectTls', async () => {
    const server = await listen('nnrps://127.0.0.1:0', CERTIFIED);
    await expect(answered(`nnrps://${server.localAddress}`)).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    await expect(answered(`nnrp://${server.localAddress}`)).rejects.toThrow();
  });
});
