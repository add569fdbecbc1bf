import { generateKeyPairSync } from 'node:crypto';
import { isNnrpError } from 'nnrp-core';
import { afterEach, describe, expect, it } from 'vitest';
import { TlsConnector, TlsListener } from '../../../src/transport/tls/tls.js';
import type { TlsClientOptions, TlsServerOptions } from '../../../src/transport/tls/tls-options.js';
import { der, issue } from '../../support/certificates.js';

const root = await issue({ name: 'CN=root', authority: true });
const server = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'], use: 'server' });
const client = await issue({ name: 'CN=client', issuer: root, use: 'client' });
const expired = await issue({ name: 'CN=expired', issuer: root, fromDay: -20, toDay: -10 });
const early = await issue({ name: 'CN=early', issuer: root, fromDay: 10 });
const weak = await issue({ name: 'CN=weak', rsaBits: 512 });
const expiredRoot = await issue({ name: 'CN=old root', authority: true, fromDay: -20, toDay: -10 });
const cipher = { cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const;
const encryptedPem = server.keyObject.export({ type: 'pkcs8', format: 'pem', ...cipher }).toString();
const encryptedDer = server.keyObject.export({ type: 'pkcs8', format: 'der', ...cipher });
const legacyPem = server.keyObject.export({ type: 'sec1', format: 'pem', ...cipher }).toString();
const publicPem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
const cutOff = server.certificate.slice(0, 200);

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

const OWN = { certificateChain: server.certificate, privateKey: server.key };

async function refusal(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    if (isNnrpError(error, 'NNRP_ERR_USAGE')) return error.rawMessage;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a TLS listener refuses, by name', () => {
  const cases: [what: string, options: Record<string, unknown>, message: RegExp][] = [
    ['an unknown option', { cert: 'x' }, /no option 'cert'/],
    ['no chain', { certificateChain: undefined }, /^certificateChain: expected PEM or DER/],
    ['an empty list', { certificateChain: [] }, /^certificateChain: there is no certificate/],
    ['text', { certificateChain: 'no PEM at all' }, /^certificateChain: there is no certificate/],
    ['a key as chain', { certificateChain: server.key }, /^certificateChain: there is no certificate/],
    ['a cut off PEM', { certificateChain: cutOff }, /^certificateChain: PEM certificate 1 has no end/],
    [
      'a broken PEM behind a whole one',
      { certificateChain: [server.certificate, server.certificate.replace('MII', '!!!').replace(/MIIB?/, 'AAAA')] },
      /^certificateChain\[1\]: PEM certificate 1 cannot be read/,
    ],
    ['broken DER', { certificateChain: der(server.certificate).subarray(0, 90) }, /^certificateChain: the DER cert/],
    [
      'two DER certificates in one',
      { certificateChain: Buffer.concat([der(server.certificate), der(root.certificate)]) },
      /^certificateChain: \d+ bytes follow/,
    ],
    ['an expired certificate', { certificateChain: expired.certificate, privateKey: expired.key }, /1 has expired/],
    ['an early certificate', { certificateChain: early.certificate, privateKey: early.key }, /1 is not valid before/],
    ['an expired intermediate', { certificateChain: [server.certificate, expired.certificate] }, /2 has expired/],
    [
      'a certificate for clients',
      { certificateChain: client.certificate, privateKey: client.key },
      /^certificateChain: .* not meant for a server: .* serverAuth/,
    ],
    [
      'a key too short to be safe',
      { certificateChain: weak.certificate, privateKey: weak.key },
      /^certificateChain: OpenSSL refuses it: ee key too small/,
    ],
    ['no key', { privateKey: undefined }, /^privateKey: expected PEM or DER/],
    ['a text for a key', { privateKey: 'secret' }, /^privateKey: there is no readable key/],
    ['a public key', { privateKey: publicPem }, /^privateKey: there is no readable key/],
    ['a key of another', { privateKey: client.key }, /^privateKey: it does not belong/],
    [
      'a chain in the wrong order',
      { certificateChain: [root.certificate, server.certificate] },
      /^privateKey: it does/,
    ],
    ['broken DER for a key', { privateKey: der(server.key).subarray(0, 40) }, /^privateKey: .* without a passphrase/],
    ['an encrypted key alone', { privateKey: encryptedPem }, /^passphrase: needed/],
    ['an old encrypted key alone', { privateKey: legacyPem }, /^passphrase: needed/],
    ['an encrypted DER key alone', { privateKey: encryptedDer }, /^privateKey: .* without a passphrase/],
    ['a wrong passphrase', { privateKey: encryptedPem, passphrase: 'x' }, /^passphrase: it does not open/],
    [
      'a wrong passphrase for DER',
      { privateKey: encryptedDer, passphrase: 'x' },
      /^privateKey: .* with this passphrase/,
    ],
    ['a passphrase of another type', { passphrase: 5 }, /^passphrase: expected a string/],
    [
      'an unknown mode',
      { clientCertificates: 'yes' },
      /^clientCertificates: expected none, request, require, got 'yes'/,
    ],
    ['required certificates without roots', { clientCertificates: 'require' }, /^clientRoots: is needed/],
    ['requested certificates without roots', { clientCertificates: 'request' }, /^clientRoots: is needed/],
    ['roots without certificates', { clientRoots: root.certificate }, /^clientRoots: means nothing/],
    [
      'roots that are none',
      { clientCertificates: 'require', clientRoots: client.certificate },
      /^clientRoots: none of the certificates is a root/,
    ],
    [
      'roots that have all expired',
      { clientCertificates: 'require', clientRoots: expiredRoot.certificate },
      /^clientRoots: every root in it has expired/,
    ],
    ['an old version', { minVersion: 'TLSv1.1' }, /^minVersion: expected TLSv1.2, TLSv1.3, got 'TLSv1.1'/],
    ['no time', { handshakeTimeoutMs: 0 }, /^handshakeTimeoutMs: expected an integer of 1/],
    ['text for time', { handshakeTimeoutMs: '10' }, /^handshakeTimeoutMs: expected/],
    ['a word for yes', { requireAlpn: 'yes' }, /^requireAlpn: expected true or false, got 'yes'/],
    ['something not to be called', { onHandshakeFailure: {} }, /^onHandshakeFailure: expected a function/],
  ];
  for (const [what, options, message] of cases) {
    it(what, async () => {
      const given = { ...OWN, ...options } as unknown as TlsServerOptions;
      expect(await refusal(() => TlsListener.bind('127.0.0.1:0', given))).toMatch(message);
    });
  }

  it('options of the transport, before there is a connection', async () => {
    const bind = (options: object) => TlsListener.bind('127.0.0.1:0', OWN, options);
    expect(await refusal(() => bind({ maxPacketBytes: 39 }))).toMatch(/^maxPacketBytes/);
    expect(await refusal(() => bind({ highWaterBytes: 0 }))).toMatch(/^highWaterBytes/);
    expect(await refusal(() => TlsListener.bind('127.0.0.1', OWN))).toMatch(/^address/);
  });

  it('no options at all', async () => {
    const bind = TlsListener.bind as (address: string, tls?: unknown) => unknown;
    expect(await refusal(() => bind('127.0.0.1:0'))).toMatch(/expected an object/);
  });
});

describe('a TLS connector refuses, by name', () => {
  const mine = { certificateChain: client.certificate, privateKey: client.key };
  const cases: [what: string, options: Record<string, unknown>, message: RegExp][] = [
    ['an unknown option', { rejectUnauthorized: false }, /no option 'rejectUnauthorized'/],
    ['no roots', { roots: [] }, /^roots: there is no certificate/],
    ['garbage for roots', { roots: 'garbage' }, /^roots: there is no certificate/],
    ['a root that is none', { roots: [client.certificate] }, /^roots: none of the certificates is a root/],
    ['an empty name', { serverName: '' }, /^serverName: expected/],
    ['a name that is none', { serverName: 'two words' }, /^serverName: expected .* got 'two words'/],
    ['a name of another type', { serverName: 7 }, /^serverName: expected/],
    ['1 for true', { insecureSkipVerify: 1 }, /^insecureSkipVerify: expected true or false, got 1/],
    ['a text for true', { insecureSkipVerify: 'true' }, /^insecureSkipVerify: expected/],
    ['null for false', { insecureSkipVerify: null }, /^insecureSkipVerify: expected/],
    ['roots that nobody asks', { insecureSkipVerify: true, roots: root.certificate }, /^roots: they mean nothing/],
    ['a chain without key', { certificateChain: client.certificate }, /^privateKey: needed/],
    ['a key without chain', { privateKey: client.key }, /^certificateChain: needed/],
    ['a passphrase for nothing', { passphrase: 'x' }, /^certificateChain: needed/],
    ['a key of another', { ...mine, privateKey: server.key }, /^privateKey: it does not belong/],
    ['a certificate for servers', OWN, /^certificateChain: .* not meant for a client: .* clientAuth/],
    ['an old version', { minVersion: 'SSLv3' }, /^minVersion: expected/],
    ['a word for yes', { requireAlpn: 1 }, /^requireAlpn: expected/],
  ];
  for (const [what, options, message] of cases) {
    it(what, async () => {
      const given = options as unknown as TlsClientOptions;
      expect(await refusal(() => new TlsConnector('127.0.0.1:1', given))).toMatch(message);
    });
  }

  it('options of the transport', async () => {
    const make = (options: object) => new TlsConnector('127.0.0.1:1', {}, options);
    expect(await refusal(() => make({ connectTimeoutMs: 0 }))).toMatch(/^connectTimeoutMs/);
    expect(await refusal(() => make({ maxPacketBytes: 1 }))).toMatch(/^maxPacketBytes/);
  });
});

describe('certificates and keys are taken', () => {
  const chainDer = [der(server.certificate), der(root.certificate)];
  const bundle = `a note\n${server.key}${server.certificate}\nanother note\n${root.certificate}`;
  const keyAs = (type: 'pkcs8' | 'sec1') => new Uint8Array(server.keyObject.export({ type, format: 'der' }));
  const cases: [what: string, options: Partial<TlsServerOptions>, roots?: TlsClientOptions['roots']][] = [
    ['as PEM', {}],
    ['as bytes of PEM', { certificateChain: Buffer.from(server.certificate), privateKey: Buffer.from(server.key) }],
    ['from a file with everything in it', { certificateChain: bundle, privateKey: bundle }],
    ['as a list of DER', { certificateChain: chainDer, privateKey: keyAs('pkcs8') }, [der(root.certificate)]],
    ['with a SEC1 key', { privateKey: keyAs('sec1') }],
    ['with an encrypted key', { privateKey: encryptedPem, passphrase: 'open sesame' }],
    ['with an old encrypted key', { privateKey: legacyPem, passphrase: 'open sesame' }],
    ['with an encrypted DER key', { privateKey: encryptedDer, passphrase: 'open sesame' }],
    ['with roots past their time among others', {}, [expiredRoot.certificate, root.certificate]],
  ];
  for (const [what, options, roots = root.certificate] of cases) {
    it(what, async () => {
      const listener = await TlsListener.bind('127.0.0.1:0', { ...OWN, ...options });
      const accepting = listener.accept();
      const connection = await new TlsConnector(listener.address, { roots }).connect();
      cleanup.push(
        () => connection.abort(),
        () => listener.close(),
      );
      expect((await accepting).kind).toBe('tcp');
    });
  }
});
