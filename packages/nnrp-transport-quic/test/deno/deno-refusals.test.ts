import { afterEach, describe, expect, it, vi } from 'vitest';
import { issue } from '../../../nnrp-runtime/test/support/certificates.js';
import {
  QuicConnector,
  QuicFramedListener,
  QuicProvider,
  QuicServerEndpointConfig,
  type QuicServerOptions,
} from '../../src/index.js';
import { credentialsOf } from '../support/handshake.js';
import { DenoConnection, type DenoListener, type DenoOptions, soon } from './deno-connection.js';
import { describeWithDeno } from './describe-with-deno.js';

const root = await issue({ name: 'CN=root', authority: true });
const stranger = await issue({ name: 'CN=stranger', authority: true });
const LEAF = { name: 'CN=leaf', issuer: root, dns: ['localhost'], ips: ['127.0.0.1'] } as const;
const leaf = await issue(LEAF);
const expired = await issue({ ...LEAF, fromDay: -20, toDay: -10 });
const early = await issue({ ...LEAF, fromDay: 10 });
const forClients = await issue({ ...LEAF, use: 'client' });
const byStranger = await issue({ ...LEAF, issuer: stranger });
const nameless = await issue({ name: 'CN=localhost', issuer: root });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

describeWithDeno('with another QUIC library', (deno) => {
  describe('a client of it comes to nothing, and our server says why,', () => {
    async function serve(options: QuicServerOptions = {}) {
      const failures: string[] = [];
      const config = QuicServerEndpointConfig.withCertificateChain('127.0.0.1:0', leaf.certificate, leaf.key, {
        ...options,
        onHandshakeFailure: (error) => failures.push(error.rawMessage.replace(/^127\.0\.0\.1:\d+: /, '')),
      });
      const server = await QuicProvider.bind(config);
      cleanup.push(() => server.close());
      return { address: server.localAddress, failures };
    }

    const right = { hostname: '127.0.0.1', caCerts: [root.certificate] };
    const cases: [what: string, options: DenoOptions, atClient: RegExp, atServer: RegExp][] = [
      [
        'when it offers another protocol',
        { ...right, alpnProtocols: ['h3'] },
        /aborted by peer: .* error 120/,
        /^the peer is refused: ALPN: no protocol in common, NNRP over QUIC is nnrp\/1 \(QUIC error 0x178\)$/,
      ],
      [
        'when it offers NNRP over TCP',
        { ...right, alpnProtocols: ['nnrp/1-tcp', 'nnrp'] },
        /aborted by peer: .* error 120/,
        /^the peer is refused: ALPN: .*0x178/,
      ],
      [
        'when it does not trust our root',
        { ...right, caCerts: [stranger.certificate] },
        /UnknownIssuer/,
        /^the peer refuses: a certificate that leads to an unknown root, .* \(QUIC error 0x130, '.*UnknownIssuer'\)$/,
      ],
      [
        'when it trusts the platform only',
        { hostname: '127.0.0.1' },
        /UnknownIssuer/,
        /^the peer refuses: a certificate that leads to an unknown root, .* \(QUIC error 0x130/,
      ],
      [
        'when it looks for another name',
        { ...right, serverName: 'example.com' },
        /not valid for name/,
        /^the peer refuses: a certificate that is damaged, or not for the name .* \(QUIC error 0x12a, '.*example\.com/,
      ],
    ];
    for (const [what, options, atClient, atServer] of cases) {
      it(what, async () => {
        const { address, failures } = await serve();
        await expect(DenoConnection.connect(deno(), address, options)).rejects.toThrow(atClient);
        await vi.waitFor(() => expect(failures).toHaveLength(1));
        expect(failures[0]).toMatch(atServer);
      });
    }

    it('when it has no certificate where one is required, which it learns once it is connected', async () => {
      const { address, failures } = await serve({ clientCertificates: 'require', clientRoots: root.certificate });
      const refused = DenoConnection.connect(deno(), address, right).then((peer) => peer.closed());
      await expect(refused).rejects.toThrow(/aborted by peer: .* error 116/);
      await vi.waitFor(() => expect(failures).toHaveLength(1));
      expect(failures[0]).toMatch(/^the peer is refused: no client certificate where one is required .*0x174/);
    });
  });

  it('a client of it without a certificate is taken where one is requested', async () => {
    const config = QuicServerEndpointConfig.withCertificateChain('127.0.0.1:0', leaf.certificate, leaf.key, {
      clientCertificates: 'request',
      clientRoots: root.certificate,
    });
    const listener = await QuicFramedListener.bind(config);
    cleanup.push(() => listener.close());
    const options = { hostname: '127.0.0.1', caCerts: [root.certificate] };
    const [transport] = await Promise.all([
      listener.accept(),
      DenoConnection.connect(deno(), listener.address, options),
    ]);
    cleanup.push(() => transport.abort());
    expect(transport.peerIdentity).toMatchObject({ authorized: false, authorizationError: 'NO_CERTIFICATE' });
  });

  describe('our client refuses a server of it, or is refused by it, and both say why,', () => {
    async function listen(options: Partial<DenoOptions> = {}): Promise<DenoListener> {
      const listener = await DenoConnection.listen(deno(), {
        hostname: '127.0.0.1',
        ...credentialsOf(leaf),
        ...options,
      });
      cleanup.push(() => deno().ask('closeEndpoint', { endpoint: listener.endpoint }));
      return listener;
    }

    const connecting = ({ port }: DenoListener, serverName?: string) =>
      new QuicConnector(`127.0.0.1:${port}`, {
        roots: root.certificate,
        ...(serverName !== undefined && { serverName }),
      }).connect();

    const cases: [what: string, options: Partial<DenoOptions>, atClient: RegExp, atServer: RegExp, name?: string][] = [
      [
        'when the server speaks another protocol',
        { alpnProtocols: ['h3'] },
        /: the peer refuses: ALPN: no protocol in common, NNRP over QUIC is nnrp\/1 \(QUIC error 0x178/,
        /error 120/,
      ],
      [
        'when its certificate leads to another root',
        { ...credentialsOf(byStranger) },
        /: the peer is refused: a certificate that leads to an unknown root, .* \(QUIC error 0x130\)$/,
        /error 48/,
      ],
      [
        'when its certificate is for another name',
        {},
        /: the certificate is not for example\.com, but for DNS:localhost, IP Address:127\.0\.0\.1$/,
        /error 42/,
        'example.com',
      ],
      [
        'when its certificate is for another address',
        {},
        /: the certificate is not for 127\.0\.0\.2, but for DNS:localhost, IP Address:127\.0\.0\.1$/,
        /error 42/,
        '127.0.0.2',
      ],
      [
        'when its certificate has a common name only',
        { ...credentialsOf(nameless) },
        /: the certificate is not for localhost, but for no name at all$/,
        /error 42/,
        'localhost',
      ],
      [
        'when its certificate has expired',
        { ...credentialsOf(expired) },
        /: the peer is refused: a certificate that has expired or is not valid yet \(QUIC error 0x12d\)$/,
        /error 45/,
      ],
      [
        'when its certificate is not valid yet',
        { ...credentialsOf(early) },
        /: the peer is refused: a certificate that has expired or is not valid yet \(QUIC error 0x12d\)$/,
        /error 45/,
      ],
      [
        'when its certificate is for clients only',
        { ...credentialsOf(forClients) },
        /: the peer is refused: a certificate that is not meant for this use .* \(QUIC error 0x12b\)$/,
        /error 43/,
      ],
    ];
    for (const [what, options, atClient, atServer, serverName] of cases) {
      it(what, async () => {
        const listener = await listen(options);
        // Of one that is refused in the end, the server may have thought that it is connected.
        const atPeer = DenoConnection.accept(deno(), listener)
          .then((peer) => peer.closed())
          .then(({ closeCode, reason }) => `closed ${closeCode} ${reason}`)
          .catch(String);
        await expect(connecting(listener, serverName)).rejects.toMatchObject({
          code: 'NNRP_ERR_TRANSPORT',
          rawMessage: expect.stringMatching(atClient),
        });
        expect(await soon(atPeer, 'the refusal at the server')).toMatch(atServer);
      });
    }

    it('when the server wants nobody', async () => {
      const listener = await listen();
      const refusing = deno().ask('refuse', { listener: listener.listener });
      await expect(connecting(listener)).rejects.toMatchObject({
        rawMessage: expect.stringMatching(/: the peer refuses: connection refused \(QUIC error 0x2\)$/),
      });
      await soon(refusing, 'the refusal');
    });
  });
});
