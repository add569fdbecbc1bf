import { HandlerError, type NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { bindQuic, connectQuic, QuicClientEndpointConfig, QuicServerEndpointConfig } from '../../src/index.js';

const root = await issue({ name: 'CN=root', authority: true });
const leaf = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'] });
const own = { certificateChain: leaf.certificate, privateKey: leaf.key };
const trust = { roots: root.certificate };

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function serving(binding: Promise<NnrpServer>): Promise<NnrpServer> {
  const server = await binding;
  undo.push(() => server.close());
  server.serve({ submit: (operation) => operation.text() }).catch(() => {});
  return server;
}

async function answer(connecting: ReturnType<typeof connectQuic>): Promise<string> {
  const client = await connecting;
  undo.push(() => client.close());
  const session = await client.openSession({ auth: 'token' });
  return (await session.request('over QUIC')).text();
}

describe('bindQuic and connectQuic', () => {
  it('take an address and plain options, as bindTls and connectTls do', async () => {
    const server = await serving(bindQuic('127.0.0.1:0', own));
    expect(await answer(connectQuic(server.localAddress, trust))).toBe('over QUIC');
  });

  it('take the options of the server and of the client last', async () => {
    const seen: string[] = [];
    const authorize = (_open: unknown, { auth }: { auth: Uint8Array }) => seen.push(Buffer.from(auth).toString()) === 1;
    const server = await serving(bindQuic({ host: '127.0.0.1', port: 0 }, own, { authorize }));
    const address = parseAddress(server.localAddress);
    expect(await answer(connectQuic(address, trust, { keepAliveMs: 0 }))).toBe('over QUIC');
    expect(seen).toEqual(['token']);
  });

  it('take configurations that were made before', async () => {
    const refusing = () => {
      throw new HandlerError('no', 'nobody');
    };
    const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
    const server = await serving(bindQuic(config, { authorize: refusing }));
    const endpoint = new QuicClientEndpointConfig({ roots: certificate.certificateDer });
    await expect(answer(connectQuic(server.localAddress, endpoint))).rejects.toMatchObject({ code: 'no' });
  });

  const ready = new QuicServerEndpointConfig('127.0.0.1:0', own);
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['no certificate', () => bindQuic('127.0.0.1:0', {} as never), /certificateChain/],
    ['no options', () => bindQuic('127.0.0.1:0', undefined as never), /certificateChain/],
    ['no address', () => bindQuic('nowhere', own), /HOST:PORT/],
    ['an unknown option', () => bindQuic('127.0.0.1:0', { ...own, cert: 'x' } as never), /cert/],
    ['a server option that does not exist', () => bindQuic('127.0.0.1:0', own, { nothing: 1 } as never), /nothing/],
    ['a configuration after an address', () => bindQuic('127.0.0.1:0', ready as never), /in place of the address/],
    ['three arguments after all', () => bindQuic(ready as never, own, {}), /and nothing else/],
    ['the endpoint options twice', () => bindQuic(ready, own as never), /certificateChain|privateKey/],
    ['another transport', () => bindQuic(ready, { transport: 'tcp' }), /a server of QUIC serves quic/],
    ['a client without an address', () => connectQuic('nowhere'), /HOST:PORT/],
    ['an unknown option of a client', () => connectQuic('127.0.0.1:1', { root: 'x' } as never), /root/],
    [
      'a client option that does not exist',
      () => connectQuic('127.0.0.1:1', trust, { nothing: 1 } as never),
      /nothing/,
    ],
  ])('refuse %s', async (_name, call, text) => {
    const refused = call();
    refused.then((made) => (made as NnrpServer).close()).catch(() => {});
    await expect(refused).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE', message: expect.stringMatching(text) });
  });
});
