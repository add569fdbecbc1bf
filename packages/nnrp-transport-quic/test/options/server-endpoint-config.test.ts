import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { PREVIEW3 } from 'nnrp-core';
import { describe, expect, it } from 'vitest';
import { der, issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { bindQuic } from '../../src/bind-quic.js';
import { connectQuic } from '../../src/connect-quic.js';
import { QuicFramedListener } from '../../src/quic-listener.js';
import { QuicProvider } from '../../src/quic-provider.js';
import { QuicServerEndpointConfig, type QuicServerEndpointOptions } from '../../src/server-endpoint-config.js';
import { refusal } from '../support/refusal.js';

const root = await issue({ name: 'CN=root', authority: true });
const server = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'], use: 'server' });
const renewed = await issue({ name: 'CN=renewed', issuer: root, ips: ['127.0.0.1'] });
const client = await issue({ name: 'CN=client', issuer: root, use: 'client' });
const expired = await issue({ name: 'CN=expired', issuer: root, fromDay: -20, toDay: -10 });
const early = await issue({ name: 'CN=early', issuer: root, fromDay: 10 });
const expiredRoot = await issue({ name: 'CN=old root', authority: true, fromDay: -20, toDay: -10 });
const encrypted = renewed.keyObject
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
  .toString();

const BIND = '127.0.0.1:0';
const OWN = { certificateChain: server.certificate, privateKey: server.key };
const MIB = 1024 * 1024;

const make = (options: object) => new QuicServerEndpointConfig(BIND, { ...OWN, ...options });
const subjectOf = ({ settings }: QuicServerEndpointConfig) => new X509Certificate(settings.credentials.cert).subject;

describe('the configuration of a QUIC server refuses, by name', () => {
  const cases: [what: string, options: Record<string, unknown>, message: RegExp][] = [
    ['an unknown option', { cert: 'x' }, /no option 'cert'/],
    ['no chain', { certificateChain: undefined }, /^certificateChain: expected PEM or DER/],
    ['null for a chain', { certificateChain: null }, /^certificateChain: expected PEM or DER/],
    ['garbage for PEM', { certificateChain: 'no PEM at all' }, /^certificateChain: there is no certificate/],
    ['a cut off PEM', { certificateChain: server.certificate.slice(0, 200) }, /^certificateChain: PEM .* has no end/],
    ['garbage for DER', { certificateChain: Uint8Array.of(0x30, 1, 2) }, /^certificateChain: the DER certificate/],
    ['an expired certificate', { certificateChain: expired.certificate, privateKey: expired.key }, /1 has expired/],
    ['an early certificate', { certificateChain: early.certificate, privateKey: early.key }, /1 is not valid before/],
    [
      'a certificate for clients',
      { certificateChain: client.certificate, privateKey: client.key },
      /^certificateChain: .* not meant for a server: .* serverAuth/,
    ],
    ['no key', { privateKey: undefined }, /^privateKey: expected PEM or DER/],
    ['a key of another', { privateKey: client.key }, /^privateKey: it does not belong/],
    ['garbage for a PEM key', { privateKey: 'secret' }, /^privateKey: there is no readable key/],
    ['garbage for a DER key', { privateKey: Uint8Array.of(0x30, 1, 2) }, /^privateKey: the DER key cannot be read/],
    ['an encrypted key alone', { certificateChain: renewed.certificate, privateKey: encrypted }, /^passphrase: needed/],
    ['a passphrase of another type', { passphrase: 5 }, /^passphrase: expected a string/],
    ['null for a passphrase', { passphrase: null }, /^passphrase: expected a string/],
    ['an unknown mode', { clientCertificates: 'yes' }, /^clientCertificates: expected none, .* got 'yes'/],
    ['null for a mode', { clientCertificates: null }, /^clientCertificates: expected none, .* got null/],
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
    ['an unknown retry', { retry: true }, /^retry: expected auto, always, never, got true/],
    ['no idle time', { idleTimeoutMs: 0 }, /^idleTimeoutMs: expected an integer of 1 to 2147483647, got 0/],
    ['more idle time than a timer takes', { idleTimeoutMs: 2 ** 31 }, /^idleTimeoutMs: .* got 2147483648/],
    ['null for idle time', { idleTimeoutMs: null }, /^idleTimeoutMs: .* got null/],
    ['text for time', { idleTimeoutMs: '10' }, /^idleTimeoutMs: .* got a string of 2 characters/],
    ['half a millisecond', { handshakeTimeoutMs: 0.5 }, /^handshakeTimeoutMs: expected an integer of 1/],
    ['no time for handshakes', { handshakeTimeoutMs: 0 }, /^handshakeTimeoutMs: expected/],
    ['a sign of life before time', { keepAliveMs: -1 }, /^keepAliveMs: expected an integer of 0/],
    [
      'a sign of life that comes too late',
      { keepAliveMs: 5000, idleTimeoutMs: 5000 },
      /^keepAliveMs: expected less than idleTimeoutMs, 5000, got 5000/,
    ],
    ['no connections', { maxConnections: 0 }, /^maxConnections: expected an integer of 1/],
    ['unlimited connections', { maxConnections: Infinity }, /^maxConnections: .* got Infinity/],
    ['no handshakes', { maxHandshakes: 0 }, /^maxHandshakes: expected an integer of 1/],
    [
      'a congestion control that there is not',
      { congestionControl: 'vegas' as never },
      /^congestionControl: expected cubic, newreno, bbr/,
    ],
    ['another protocol', { alpn: ['h3'] as never }, /^alpn: expected false or \['nnrp\/1'\], got/],
    ['no protocol at all', { alpn: [] as never }, /^alpn: expected false or/],
    ['ALPN by true', { alpn: true as never }, /^alpn: expected false or/],
    ['an empty path', { keyLogFile: '' }, /^keyLogFile: expected the path of a file/],
    ['no path', { qlogDirectory: 7 }, /^qlogDirectory: expected the path of a folder, got 7/],
    ['datagrams below what QUIC needs', { maxDatagramBytes: 1199 }, /^maxDatagramBytes: .* 1200 to 65527, got 1199/],
    ['datagrams beyond UDP', { maxDatagramBytes: 65_528 }, /^maxDatagramBytes: .* got 65528/],
    ['a window below 16 KiB', { streamWindowBytes: 16_383 }, /^streamWindowBytes: expected an integer of 16384 to/],
    ['a window above 1 GiB', { streamWindowBytes: 2 ** 30 + 1 }, /^streamWindowBytes: .* got 1073741825/],
    [
      'a largest window below the first',
      { streamWindowBytes: 2 * MIB, maxStreamWindowBytes: 2 * MIB - 1 },
      /^maxStreamWindowBytes: expected an integer of 2097152 to 1073741824, got 2097151/,
    ],
    ['a largest window above 1 GiB', { maxStreamWindowBytes: 2 ** 31 }, /^maxStreamWindowBytes: expected/],
    ['packets without a header', { maxPacketBytes: 39 }, /^maxPacketBytes: expected an integer of at least 40/],
    ['null for a revision', { revision: null }, /^revision: expected .* got null/],
    ['no high water', { highWaterBytes: 0 }, /^highWaterBytes: expected an integer of 1/],
    ['negative patience', { stallTimeoutMs: -1 }, /^stallTimeoutMs: expected an integer of 0/],
    ['something not to be called', { onHandshakeFailure: {} }, /^onHandshakeFailure: expected a function/],
  ];
  for (const [what, options, message] of cases) it(what, () => expect(refusal(() => make(options))).toMatch(message));

  for (const address of ['127.0.0.1', '127.0.0.1:65536', '::1:4433', { host: '', port: 1 }, null, undefined, 4433]) {
    it(`${inspect(address)} for an address`, () => {
      expect(refusal(() => new QuicServerEndpointConfig(address as string, OWN))).toMatch(
        /^bindAddress: expected HOST:PORT .* got/,
      );
    });
  }

  it('what is no object of options', () => {
    const none = null as unknown as QuicServerEndpointOptions;
    const text = 'x' as unknown as QuicServerEndpointOptions;
    expect(refusal(() => new QuicServerEndpointConfig(BIND, none))).toMatch(/expected an object, got null/);
    expect(refusal(() => new QuicServerEndpointConfig(BIND, text))).toMatch(
      /expected an object, got a string of 1 character/,
    );
    expect(refusal(() => QuicServerEndpointConfig.selfSignedLocalhost(BIND, none))).toMatch(/expected an object/);
    expect(
      refusal(() => QuicServerEndpointConfig.withCertificateChain(BIND, server.certificate, server.key, none)),
    ).toMatch(/expected an object/);
  });
});

describe('the configuration of a QUIC server', () => {
  it('has defaults for everything but the certificate', () => {
    const { settings, transportOptions, onHandshakeFailure } = make({});
    const { credentials, ...others } = settings;
    expect(others).toEqual({
      bindAddress: { host: '127.0.0.1', port: 0 },
      clientCertificates: 'none',
      retry: 'auto',
      idleTimeoutMs: 30_000,
      keepAliveMs: 0,
      handshakeTimeoutMs: 10_000,
      maxConnections: 12_000,
      maxHandshakes: 1024,
      maxHandshakesPerAddress: 256,
      firstDatagramBytes: 1350,
      maxDatagramBytes: 1452,
      maxLoopbackDatagramBytes: 16_384,
      streamWindowBytes: MIB,
      maxStreamWindowBytes: 16 * MIB,
      congestion: 'cubic',
      alpn: ['nnrp/1'],
    });
    expect(new X509Certificate(credentials.cert).subject).toBe('CN=server');
    expect(credentials.key).toBe(server.key);
    expect(transportOptions).toEqual({});
    expect(onHandshakeFailure(new Error() as never)).toBeUndefined();
  });

  it('takes everything it is told, the limits themselves included', () => {
    const told = {
      retry: 'always',
      idleTimeoutMs: 2_147_483_647,
      keepAliveMs: 2_147_483_646,
      handshakeTimeoutMs: 1,
      maxConnections: 1,
      maxHandshakes: 1,
      maxHandshakesPerAddress: 0,
      maxDatagramBytes: 65_527,
      streamWindowBytes: 2 ** 30,
      maxStreamWindowBytes: 2 ** 30,
      clientCertificates: 'require',
    } as const;
    const transport = { maxPacketBytes: 40, revision: PREVIEW3, highWaterBytes: 1, stallTimeoutMs: 0 };
    const onHandshakeFailure = () => {};
    const config = new QuicServerEndpointConfig(
      { host: '::1', port: 4433 },
      { ...OWN, ...told, ...transport, clientRoots: der(root.certificate), onHandshakeFailure },
    );
    expect(config.settings).toMatchObject({ ...told, bindAddress: { host: '::1', port: 4433 } });
    expect(new X509Certificate(config.settings.clientRoots as string).subject).toBe('CN=root');
    expect(config.transportOptions).toEqual(transport);
    expect(config.onHandshakeFailure).toBe(onHandshakeFailure);
    expect(make({ maxDatagramBytes: 1200, streamWindowBytes: 16_384 }).settings.streamWindowBytes).toBe(16_384);
  });

  it('lets a window that is larger than the default of the largest be the largest', () => {
    expect(make({ streamWindowBytes: 32 * MIB }).settings.maxStreamWindowBytes).toBe(32 * MIB);
  });

  it('takes certificates and keys in DER, PEM and lists', () => {
    const chain = [der(server.certificate), root.certificate];
    const key = new Uint8Array(server.keyObject.export({ type: 'pkcs8', format: 'der' }));
    const { credentials } = QuicServerEndpointConfig.withCertificateChain(BIND, chain, key).settings;
    expect(credentials.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(credentials.key).toBe(server.key);
  });

  it('cannot be changed, neither by itself nor through what it was made of', () => {
    const address = { host: '127.0.0.1', port: 4433 };
    const chain = der(server.certificate);
    const config = new QuicServerEndpointConfig(address, { ...OWN, certificateChain: chain });
    address.port = 1;
    chain.fill(0);
    expect([config.settings.bindAddress.port, subjectOf(config)]).toEqual([4433, 'CN=server']);
    const { settings, transportOptions } = config;
    for (const part of [settings, settings.bindAddress, settings.credentials, transportOptions]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(() => Object.assign(config, { settings: {} })).toThrow(TypeError);
  });

  it('shows no key when it is logged', () => {
    const config = make({ clientCertificates: 'request', clientRoots: root.certificate });
    const shown = [
      inspect(config, { depth: null, showHidden: true, getters: true }),
      inspect({ config }, { depth: null, customInspect: false, showHidden: true }),
      JSON.stringify({ config }),
      JSON.stringify({ ...config }),
    ];
    for (const text of shown) expect(text).not.toMatch(/PRIVATE KEY|BEGIN|MII/);
    expect(shown[0]).toContain("host: '127.0.0.1'");
    expect(shown[2]).toContain('"clientCertificates":"request"');
  });
});

describe('a configuration with another certificate', () => {
  it('is the same in everything else, and leaves the first as it was', () => {
    const first = make({
      clientCertificates: 'request',
      clientRoots: root.certificate,
      retry: 'never',
      keepAliveMs: 7,
      idleTimeoutMs: 8,
      maxPacketBytes: 4096,
      onHandshakeFailure: () => {},
    });
    const second = first.withCertificateChain(renewed.certificate, renewed.key);
    expect([subjectOf(first), subjectOf(second)]).toEqual(['CN=server', 'CN=renewed']);
    const { credentials, ...others } = second.settings;
    expect(first.settings).toEqual({ ...others, credentials: first.settings.credentials });
    expect(credentials.key).toBe(renewed.key);
    expect(second.transportOptions).toEqual(first.transportOptions);
    expect(second.onHandshakeFailure).toBe(first.onHandshakeFailure);
  });

  it('refuses what the first would have refused', () => {
    expect(refusal(() => make({}).withCertificateChain(expired.certificate, expired.key))).toMatch(/has expired/);
    expect(refusal(() => make({}).withCertificateChain(renewed.certificate, server.key))).toMatch(/^privateKey: it/);
  });

  it('opens an encrypted key', () => {
    expect(refusal(() => make({}).withCertificateChain(renewed.certificate, encrypted))).toMatch(/^passphrase: needed/);
    const { settings } = make({}).withCertificateChain(renewed.certificate, encrypted, 'open sesame');
    const options = { passphrase: 'open sesame', retry: 'always' } as const;
    const made = QuicServerEndpointConfig.withCertificateChain(BIND, renewed.certificate, encrypted, options);
    expect([settings.credentials.key, made.settings.credentials.key]).toEqual([renewed.key, renewed.key]);
    expect(made.settings.retry).toBe('always');
  });
});

describe('a self-signed configuration', () => {
  it('is served with the certificate that comes with it', () => {
    const options = { idleTimeoutMs: 1234 };
    const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:4433', options);
    const { settings } = config;
    expect(Buffer.compare(new X509Certificate(settings.credentials.cert).raw, certificate.certificateDer)).toBe(0);
    expect(der(settings.credentials.key)).toEqual(certificate.privateKeyPkcs8Der);
    expect([settings.bindAddress.port, settings.idleTimeoutMs]).toEqual([4433, 1234]);
  });

  it('is another one each time', () => {
    const [first, second] = [1, 2].map(() => QuicServerEndpointConfig.selfSignedLocalhost(BIND).certificate);
    expect(first?.privateKeyPkcs8Der).not.toEqual(second?.privateKeyPkcs8Der);
  });

  for (const option of ['certificateChain', 'privateKey', 'passphrase']) {
    it(`refuses ${option}, which would be ignored`, () => {
      const make = () => QuicServerEndpointConfig.selfSignedLocalhost(BIND, { [option]: server.key });
      expect(refusal(make)).toMatch(`no option '${option}'`);
    });
  }
});

describe('all that selfSignedLocalhost returns, in the place of one of its parts,', () => {
  const whole = QuicServerEndpointConfig.selfSignedLocalhost(BIND);

  it.each<[what: string, mistake: () => Promise<unknown>, says: string]>([
    [
      'QuicProvider.bind',
      () => QuicProvider.bind(whole as never),
      'got an object with config, certificate: pass its .config',
    ],
    ['bindQuic', () => bindQuic(whole as never), 'pass its .config'],
    ['QuicFramedListener.bind', () => QuicFramedListener.bind(whole as never), 'pass its .config'],
    ['bindQuic after an address', () => bindQuic(BIND, whole as never), 'give it in place of the address'],
    [
      'the certificate as options',
      () => bindQuic(BIND, whole.certificate as never),
      "no option 'certificateDer'; did you mean certificateChain?",
    ],
    [
      'the certificate as roots',
      () => connectQuic('127.0.0.1:1', { roots: whole.certificate as never }),
      'roots: expected PEM or DER as a string, a Uint8Array or a list of these; pass its .certificateDer',
    ],
  ])('is refused with what to do: %s', async (_what, mistake, says) => {
    await expect(mistake()).rejects.toThrow(says);
  });
});
