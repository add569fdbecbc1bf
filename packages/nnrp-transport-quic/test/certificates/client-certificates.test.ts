import { X509Certificate } from 'node:crypto';
import * as preview3 from 'nnrp-core/preview3';
import type { PeerIdentity } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { der, issue } from '../../../nnrp-runtime/test/support/certificates.js';
import type { PemCredentials, ServerSettings } from '../../src/engine.js';
import {
  type QuicClientEndpointOptions,
  QuicConnector,
  QuicFramedListener,
  QuicProvider,
  QuicServerEndpointConfig,
} from '../../src/index.js';
import { assertAlive, credentialsOf, ending, Handshakes, withoutPeersWords } from '../support/handshake.js';

const root = await issue({ name: 'CN=root', authority: true });
const clientRoot = await issue({ name: 'CN=client root', authority: true });
const intermediate = await issue({ name: 'CN=intermediate', issuer: clientRoot, authority: true });
const server = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'], use: 'server' });
const CLIENT = { name: 'C=DE, O=Example\\, Inc, CN=worker 7', use: 'client', dns: ['worker-7.example'] } as const;
const client = await issue({ ...CLIENT, issuer: clientRoot });
const far = await issue({ ...CLIENT, issuer: intermediate });
const anyUse = await issue({ name: 'CN=any use', issuer: clientRoot });
const rsa = await issue({ ...CLIENT, issuer: clientRoot, rsaBits: 2048 });
const expired = await issue({ ...CLIENT, issuer: clientRoot, fromDay: -20, toDay: -10 });
const early = await issue({ ...CLIENT, issuer: clientRoot, fromDay: 10 });
const forServers = await issue({ ...CLIENT, issuer: clientRoot, use: 'server' });
/** Of the root of servers, which vouches for no client. */
const ofServers = await issue({ ...CLIENT, issuer: root });
const selfSigned = await issue(CLIENT);

/** As `openssl req -x509` makes them: they may issue others. */
const ownAuthority = await issue({ ...CLIENT, name: 'CN=own', authority: true });
const otherAuthority = await issue({ ...CLIENT, name: 'CN=other', authority: true });
const authorityForServers = await issue({ ...CLIENT, name: 'CN=servers', authority: true, use: 'server' });
const CLIENT_ROOTS = [clientRoot, ownAuthority, authorityForServers].map(({ certificate }) => certificate).join('\n');

type Mode = ServerSettings['clientCertificates'];

const EXPIRED = 'a certificate that has expired or is not valid yet (QUIC error 0x12d)';
const UNKNOWN = 'a certificate that leads to an unknown root, or an intermediate is missing (QUIC error 0x130)';
const WRONG_USE = 'a certificate that is not meant for this use (extended key usage) (QUIC error 0x12b)';
const MISSING = 'no client certificate where one is required (QUIC error 0x174)';

const handshakes = new Handshakes();
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  handshakes.clear();
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

function run(mode: Mode, credentials?: PemCredentials) {
  return handshakes.run({
    server: {
      credentials: credentialsOf(server),
      clientCertificates: mode,
      ...(mode !== 'none' && { clientRoots: CLIENT_ROOTS }),
    },
    options: { roots: root.certificate },
    ...(credentials !== undefined && { client: { credentials } }),
  });
}

const RIGHT: [what: string, credentials: PemCredentials][] = [
  ['with a certificate by a root', credentialsOf(client)],
  ['with a certificate that is itself a root, and may issue others', credentialsOf(ownAuthority)],
  ['with a certificate by an intermediate', credentialsOf(far, intermediate)],
  ['with a certificate for any use', credentialsOf(anyUse)],
  ['with an RSA key', credentialsOf(rsa)],
];
const WRONG: [what: string, credentials: PemCredentials, why: string][] = [
  ['whose certificate leads to another root', credentialsOf(ofServers), UNKNOWN],
  ['whose certificate may issue others, and is no root', credentialsOf(otherAuthority), UNKNOWN],
  ['whose certificate is itself a root, but for servers only', credentialsOf(authorityForServers), WRONG_USE],
  ['whose certificate is self-signed', credentialsOf(selfSigned), UNKNOWN],
  ['whose certificate comes without its intermediate', credentialsOf(far), UNKNOWN],
  ['whose certificate has expired', credentialsOf(expired), EXPIRED],
  ['whose certificate is not valid yet', credentialsOf(early), EXPIRED],
  ['whose certificate is for servers only', credentialsOf(forServers), WRONG_USE],
];

describe('a server that asks for no certificate', () => {
  it('takes a client without one', async () => assertAlive(await run('none')));

  for (const [what, credentials] of [...RIGHT, ...WRONG]) {
    it(`takes a client ${what}, and does not get to see it`, async () => {
      const outcome = await run('none', credentials);
      await assertAlive(outcome);
      expect(outcome.server).toMatchObject({ peerCertificate: undefined });
    });
  }
});

for (const mode of ['request', 'require'] as const) {
  describe(`a server that ${mode}s a certificate`, () => {
    for (const [what, credentials] of RIGHT) {
      it(`takes a client ${what}`, async () => {
        const outcome = await run(mode, credentials);
        await assertAlive(outcome);
        const { raw } = new X509Certificate(credentials.cert);
        expect(outcome.server).toMatchObject({ peerCertificate: new Uint8Array(raw) });
      });
    }

    for (const [what, credentials, why] of WRONG) {
      it(`refuses a client ${what}, and both say why`, async () => {
        const outcome = await run(mode, credentials);
        expect(outcome.server).toBe(`the peer is refused: ${why}`);
        // It is done before the server has looked at its certificate.
        expect(withoutPeersWords(await ending(outcome.client))).toBe(`the peer has ended the connection: ${why}`);
      });
    }
  });
}

it('a server that requests a certificate takes a client without one', async () => {
  const outcome = await run('request');
  await assertAlive(outcome);
  expect(outcome.server).toMatchObject({ peerCertificate: undefined });
});

it('a server that requires a certificate refuses a client without one, and both say why', async () => {
  const outcome = await run('require');
  expect(outcome.server).toBe(`the peer is refused: ${MISSING}`);
  expect(withoutPeersWords(await ending(outcome.client))).toBe(`the peer has ended the connection: ${MISSING}`);
});

describe('the identity of a client', () => {
  const listening = (mode: Mode) =>
    QuicServerEndpointConfig.withCertificateChain('127.0.0.1:0', server.certificate, server.key, {
      clientCertificates: mode,
      ...(mode !== 'none' && { clientRoots: clientRoot.certificate }),
    });

  async function identityOf(mode: Mode, options: QuicClientEndpointOptions = {}): Promise<PeerIdentity | undefined> {
    const listener = await QuicFramedListener.bind(listening(mode));
    cleanup.push(() => listener.close());
    const accepting = listener.accept();
    const near = await new QuicConnector(listener.address, { roots: root.certificate, ...options }).connect();
    const far = await accepting;
    cleanup.push(
      () => near.abort(),
      () => far.abort(),
    );
    expect(near.peerIdentity).toBeUndefined();
    return far.peerIdentity;
  }

  const own = { certificateChain: client.certificate, privateKey: client.key };
  const LINK = { alpn: 'nnrp/1', protocol: 'TLSv1.3' };

  for (const mode of ['request', 'require'] as const) {
    it(`is that of its certificate, where the server ${mode}s one`, async () => {
      const identity = await identityOf(mode, own);
      expect(identity).toEqual({
        ...LINK,
        authorized: true,
        subject: 'CN=worker 7,O=Example\\, Inc,C=DE',
        subjectAltNames: 'DNS:worker-7.example',
        fingerprint256: new X509Certificate(client.certificate).fingerprint256,
        certificateDer: der(client.certificate),
      });
      expect(Object.isFrozen(identity)).toBe(true);
    });
  }

  it('is nobody, where one is requested and none comes', async () => {
    expect(await identityOf('request')).toEqual({ ...LINK, authorized: false, authorizationError: 'NO_CERTIFICATE' });
  });

  it('is nobody, where none is asked for', async () => {
    expect(await identityOf('none', own)).toEqual({ ...LINK, authorized: false });
  });

  it('is what a policy decides by', async () => {
    const seen: (PeerIdentity | undefined)[] = [];
    const server = await QuicProvider.bind(listening('request'), {
      applicationPolicy: {
        validateSessionOpen(_open, { peerIdentity }) {
          seen.push(peerIdentity);
          return peerIdentity?.authorized ? undefined : preview3.SessionErrorCode.AuthFailed;
        },
      },
    });
    cleanup.push(() => server.close());
    void server.serve({ submit: () => 'done' });
    const connect = async (options: QuicClientEndpointOptions) => {
      const client = await QuicProvider.connect(server.localAddress, { roots: root.certificate, ...options });
      cleanup.push(() => client.close());
      return client;
    };
    const known = await connect(own);
    await expect(known.openSession()).resolves.toMatchObject({ state: 'open' });
    const unknown = await connect({});
    await expect(unknown.openSession()).rejects.toMatchObject({ wireCode: preview3.SessionErrorCode.AuthFailed });
    expect(seen.map((identity) => identity?.subject)).toEqual(['CN=worker 7,O=Example\\, Inc,C=DE', undefined]);
  });
});

describe('a client that is refused for its certificate', () => {
  it('has sessions that fail with the reason', async () => {
    const config = QuicServerEndpointConfig.withCertificateChain('127.0.0.1:0', server.certificate, server.key, {
      clientCertificates: 'require',
      clientRoots: clientRoot.certificate,
    });
    const bound = await QuicProvider.bind(config);
    cleanup.push(() => bound.close());
    const refused = await QuicProvider.connect(bound.localAddress, {
      roots: root.certificate,
      certificateChain: ofServers.certificate,
      privateKey: ofServers.key,
    });
    const message = `${bound.localAddress}: the peer has ended the connection: ${UNKNOWN.slice(0, -1)}`;
    await expect(refused.openSession()).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: expect.stringContaining(message),
      isRetryable: false,
    });
    expect(await refused.closed).toMatchObject({ rawMessage: expect.stringContaining(message), isRetryable: false });
    expect(bound.connectionCount).toBe(0);
  });
});
