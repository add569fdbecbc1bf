import { afterEach, describe, expect, it, vi } from 'vitest';
import { der, issue } from '../../../nnrp-runtime/test/support/certificates.js';
import type { ServerSettings } from '../../src/engine.js';
import { QuicConnector, QuicFramedListener, QuicServerEndpointConfig } from '../../src/index.js';
import {
  assertAlive,
  credentialsOf,
  ending,
  Handshakes,
  type HandshakeWish,
  withoutPeersWords,
} from '../support/handshake.js';

const root = await issue({ name: 'CN=root', authority: true });
const namesake = await issue({ name: 'CN=root', authority: true });
const stranger = await issue({ name: 'CN=stranger', authority: true });
const intermediate = await issue({ name: 'CN=intermediate', issuer: root, authority: true });
const expiredIntermediate = await issue({
  name: 'CN=old intermediate',
  issuer: root,
  authority: true,
  fromDay: -20,
  toDay: -10,
});
const expiredRoot = await issue({ name: 'CN=old root', authority: true, fromDay: -20, toDay: -10 });
const LEAF = { name: 'CN=leaf', dns: ['localhost', '*.example.com'], ips: ['127.0.0.1', '::1'] } as const;
const leaf = await issue({ ...LEAF, issuer: root });
const far = await issue({ ...LEAF, issuer: intermediate });
const farther = await issue({ ...LEAF, issuer: expiredIntermediate });
const underLeaf = await issue({ ...LEAF, issuer: leaf });
const byExpired = await issue({ ...LEAF, issuer: expiredRoot });
const expired = await issue({ ...LEAF, issuer: root, fromDay: -20, toDay: -10 });
const early = await issue({ ...LEAF, issuer: root, fromDay: 10 });
const forClients = await issue({ ...LEAF, issuer: root, use: 'client' });
const forServers = await issue({ ...LEAF, issuer: root, use: 'server' });
const nameless = await issue({ name: 'CN=localhost', issuer: root });
const dressed = await issue({ name: 'CN=127.0.0.1', issuer: root, dns: ['127.0.0.1'] });
const byNamesake = await issue({ ...LEAF, issuer: namesake });
const byStranger = await issue({ ...LEAF, issuer: stranger });
const selfSigned = await issue(LEAF);
/** As `openssl req -x509` makes them: they may issue others. */
const ownAuthority = await issue({ ...LEAF, authority: true });
const oldAuthority = await issue({ ...LEAF, authority: true, fromDay: -20, toDay: -10 });
const authorityForClients = await issue({ ...LEAF, authority: true, use: 'client' });
const authorityForServers = await issue({ ...LEAF, authority: true, use: 'server' });
const rsa = await issue({ ...LEAF, issuer: root, rsaBits: 2048 });

const ROOTS = { roots: root.certificate };
const EXPIRED = 'a certificate that has expired or is not valid yet (QUIC error 0x12d)';
const UNKNOWN = 'a certificate that leads to an unknown root, or an intermediate is missing (QUIC error 0x130)';
const NOT_FOR_IT = 'a certificate that is damaged, or not for the name it was asked for (QUIC error 0x12a)';
const WRONG_USE = 'a certificate that is not meant for this use (extended key usage) (QUIC error 0x12b)';

const handshakes = new Handshakes();
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  handshakes.clear();
  vi.unstubAllEnvs();
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const serving = (credentials: ServerSettings['credentials']) => ({ server: { credentials } });

describe('a client takes a server whose certificate', () => {
  const cases: [what: string, wish: HandshakeWish][] = [
    ['leads to a root given in PEM', { ...serving(credentialsOf(leaf)), options: ROOTS }],
    ['leads to a root given in DER', { ...serving(credentialsOf(leaf)), options: { roots: der(root.certificate) } }],
    [
      'leads to one root of a list',
      { ...serving(credentialsOf(leaf)), options: { roots: [stranger.certificate, der(root.certificate)] } },
    ],
    [
      'is itself the root, self-signed',
      { ...serving(credentialsOf(selfSigned)), options: { roots: selfSigned.certificate } },
    ],
    [
      'is itself the root, and may issue others',
      { ...serving(credentialsOf(ownAuthority)), options: { roots: [stranger.certificate, ownAuthority.certificate] } },
    ],
    [
      'is itself the root, may issue others, and is for servers',
      { ...serving(credentialsOf(authorityForServers)), options: { roots: authorityForServers.certificate } },
    ],
    ['leads to a root by an intermediate', { ...serving(credentialsOf(far, intermediate)), options: ROOTS }],
    ['comes with its root along', { ...serving(credentialsOf(far, intermediate, root)), options: ROOTS }],
    [
      'leads to a root by an intermediate that only the client has',
      { ...serving(credentialsOf(far)), options: { roots: [root.certificate, intermediate.certificate] } },
    ],
    ['is for the address of IPv4', { ...serving(credentialsOf(leaf)), options: ROOTS, host: '127.0.0.1' }],
    ['is for the address of IPv6', { ...serving(credentialsOf(leaf)), options: ROOTS, bindAddress: '[::1]:0' }],
    ['is for the DNS name', { ...serving(credentialsOf(leaf)), options: ROOTS, host: 'localhost' }],
    [
      'is for the DNS name in other letters, with a dot at its end',
      { ...serving(credentialsOf(leaf)), options: { ...ROOTS, serverName: 'LocalHost.' } },
    ],
    [
      'is for every name of a domain',
      { ...serving(credentialsOf(leaf)), options: { ...ROOTS, serverName: 'a.example.com' } },
    ],
    ['is for servers', { ...serving(credentialsOf(forServers)), options: ROOTS }],
    ['has an RSA key', { ...serving(credentialsOf(rsa)), options: ROOTS }],
  ];
  for (const [what, wish] of cases) it(what, async () => assertAlive(await handshakes.run(wish)));
});

describe('a client refuses a server, and both say why, when its certificate', () => {
  const cases: [what: string, wish: HandshakeWish, why: string][] = [
    ['leads to another root', { ...serving(credentialsOf(byStranger)), options: ROOTS }, UNKNOWN],
    ['comes with a root of its own', { ...serving(credentialsOf(byStranger, stranger)), options: ROOTS }, UNKNOWN],
    ['is self-signed and not among the roots', { ...serving(credentialsOf(selfSigned)), options: ROOTS }, UNKNOWN],
    ['is self-signed, and the roots are those of the platform', { ...serving(credentialsOf(selfSigned)) }, UNKNOWN],
    ['is valid, but no root is trusted at all', { ...serving(credentialsOf(leaf)), client: { roots: '' } }, UNKNOWN],
    ['comes without its intermediate', { ...serving(credentialsOf(far)), options: ROOTS }, UNKNOWN],
    [
      'was issued by one that may not issue any',
      { ...serving(credentialsOf(underLeaf, leaf)), options: ROOTS },
      'a certificate that is not accepted (QUIC error 0x12e)',
    ],
    [
      'was issued by another root of the same name',
      { ...serving(credentialsOf(byNamesake)), options: ROOTS },
      'a signature that does not fit: a certificate by another issuer of that name, or a key of another (QUIC error 0x133)',
    ],
    ['has expired', { ...serving(credentialsOf(expired)), options: ROOTS }, EXPIRED],
    ['is not valid yet', { ...serving(credentialsOf(early)), options: ROOTS }, EXPIRED],
    [
      'has an expired intermediate',
      { ...serving(credentialsOf(farther, expiredIntermediate)), options: ROOTS },
      EXPIRED,
    ],
    [
      'leads to an expired root, though there are others',
      { ...serving(credentialsOf(byExpired)), options: { roots: [expiredRoot.certificate, root.certificate] } },
      EXPIRED,
    ],
    [
      'is itself the root, and may issue others, but has expired',
      {
        ...serving(credentialsOf(oldAuthority)),
        options: { roots: [oldAuthority.certificate, root.certificate] },
      },
      EXPIRED,
    ],
    [
      'is itself the root, and may issue others, but is for clients only',
      { ...serving(credentialsOf(authorityForClients)), options: { roots: authorityForClients.certificate } },
      WRONG_USE,
    ],
    [
      'is itself the root, and may issue others, but is for another name',
      {
        ...serving(credentialsOf(ownAuthority)),
        options: { roots: ownAuthority.certificate, serverName: 'example.org' },
      },
      NOT_FOR_IT,
    ],
    [
      'may issue others, and is not among the roots',
      { ...serving(credentialsOf(ownAuthority)), options: ROOTS },
      UNKNOWN,
    ],
    ['is for clients only', { ...serving(credentialsOf(forClients)), options: ROOTS }, WRONG_USE],
    [
      'is for another DNS name',
      { ...serving(credentialsOf(leaf)), options: { ...ROOTS, serverName: 'example.org' } },
      NOT_FOR_IT,
    ],
    [
      'is for names of the domain, not for the domain',
      { ...serving(credentialsOf(leaf)), options: { ...ROOTS, serverName: 'example.com' } },
      NOT_FOR_IT,
    ],
    [
      'is for names one level below the domain',
      { ...serving(credentialsOf(leaf)), options: { ...ROOTS, serverName: 'a.b.example.com' } },
      NOT_FOR_IT,
    ],
  ];
  for (const [what, wish, why] of cases) {
    it(what, async () => {
      const { client, server } = await handshakes.run(wish);
      // QUIC itself says of another name no more than that the certificate is bad; the client looks whose it is.
      const name = why === NOT_FOR_IT ? wish.options?.serverName : undefined;
      const found = `the certificate is not for ${name}, but for DNS:localhost, DNS:*.example.com, IP Address:127.0.0.1`;
      expect(client).toContain(`the peer is refused: ${name === undefined ? why : found}`);
      expect(withoutPeersWords(String(server))).toContain(`the peer refuses: ${why}`);
    });
  }

  const judged: [what: string, wish: HandshakeWish, why: string][] = [
    [
      'is for other addresses',
      { ...serving(credentialsOf(leaf)), options: { ...ROOTS, serverName: '127.0.0.2' } },
      'the certificate is not for 127.0.0.2, but for DNS:localhost, DNS:*.example.com, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    ],
    [
      'has a name that looks like the address, but no address',
      { ...serving(credentialsOf(dressed)), options: ROOTS },
      'the certificate is not for 127.0.0.1, but for DNS:127.0.0.1',
    ],
    [
      'has the name in its common name only',
      { ...serving(credentialsOf(nameless)), options: ROOTS, host: 'localhost' },
      'the certificate is not for localhost, but for no name at all',
    ],
  ];
  for (const [what, wish, why] of judged) {
    it(what, async () => {
      const { client, server } = await handshakes.run(wish);
      // Behind a name stands the address that was tried.
      expect(String(client).replace(/^127\.0\.0\.1:\d+: /, '')).toBe(`the peer is refused: ${why}`);
      // It learns so with the last packets of the handshake, or right after them.
      expect(await ending(server)).toMatch(
        /^the peer (refuses|has ended the connection): a certificate that is damaged, or not for the name it was asked for \(QUIC error 0x12a/,
      );
    });
  }
});

describe('no connection comes about, not even with a client that verifies nothing, when the server has', () => {
  const SKIP = { options: { insecureSkipVerify: true } };
  const cases: [what: string, credentials: ServerSettings['credentials']][] = [
    ['the key of another certificate', { cert: leaf.certificate, key: rsa.key }],
    ['garbage for a certificate', { cert: 'garbage', key: leaf.key }],
    ['garbage for a key', { cert: leaf.certificate, key: 'garbage' }],
    ['DER where PEM belongs', { cert: Buffer.from(der(leaf.certificate)).toString('latin1'), key: leaf.key }],
    ['no certificate', { cert: '', key: leaf.key }],
  ];
  for (const [what, credentials] of cases) {
    it(what, async () => {
      const outcome = await handshakes.run({ ...serving(credentials), ...SKIP }).catch((error) => error.rawMessage);
      if (typeof outcome === 'string') expect(outcome).toMatch(/^certificateChain: the QUIC library refuses it/);
      else {
        expect(outcome.client).toMatch(/^the peer is refused: /);
        expect(outcome.server).toMatch(/^the peer refuses: /);
      }
    });
  }
});

describe('verification', () => {
  const wrong: HandshakeWish = { ...serving(credentialsOf(expired)), host: '127.0.0.1' };

  it('is skipped by insecureSkipVerify', async () => {
    for (const certificate of [expired, forClients, nameless, byStranger]) {
      const wish = {
        ...serving(credentialsOf(certificate)),
        options: { insecureSkipVerify: true, serverName: 'example.org' },
      };
      await assertAlive(await handshakes.run(wish));
    }
  });

  it('is not skipped by an insecureSkipVerify of false', async () => {
    const { client } = await handshakes.run({ ...wrong, options: { ...ROOTS, insecureSkipVerify: false } });
    expect(client).toContain(EXPIRED);
  });

  it('does not care for NODE_TLS_REJECT_UNAUTHORIZED', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { client } = await handshakes.run({ ...wrong, options: ROOTS });
    expect(client).toContain(EXPIRED);
    expect((await handshakes.run(serving(credentialsOf(selfSigned)))).client).toContain(UNKNOWN);
  });

  it('fails with an error that names the server and the reason, and is told to who listens for failures', async () => {
    const failures: string[] = [];
    const { config } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0', {
      onHandshakeFailure: (error) => failures.push(`${error.code} ${error.rawMessage}`),
    });
    const listener = await QuicFramedListener.bind(config);
    cleanup.push(() => listener.close());
    const { address } = listener;
    const accepted = listener.accept().catch((error) => error.code);
    await expect(new QuicConnector(address, ROOTS).connect()).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: `cannot connect to ${address} over QUIC: the peer is refused: ${UNKNOWN}`,
    });
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toMatch(/^NNRP_ERR_TRANSPORT 127\.0\.0\.1:\d+: the peer refuses: a certificate that leads to/);
    await listener.close();
    expect(await accepted).toBe('NNRP_ERR_CLOSED');
  });
});
