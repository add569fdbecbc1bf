import { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { der, issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { QuicClientEndpointConfig, type QuicClientEndpointOptions } from '../../src/client-endpoint-config.js';
import { refusal } from '../support/refusal.js';

const root = await issue({ name: 'CN=root', authority: true });
const server = await issue({ name: 'CN=server', issuer: root, use: 'server' });
const client = await issue({ name: 'CN=client', issuer: root, use: 'client' });
const expired = await issue({ name: 'CN=expired', issuer: root, fromDay: -20, toDay: -10 });
const early = await issue({ name: 'CN=early', issuer: root, fromDay: 10 });
const expiredRoot = await issue({ name: 'CN=old root', authority: true, fromDay: -20, toDay: -10 });
const encrypted = client.keyObject
  .export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
  .subarray();

const MINE = { certificateChain: client.certificate, privateKey: client.key };
const MIB = 1024 * 1024;

const make = (options: object) => new QuicClientEndpointConfig(options);
const settingsOf = (options: QuicClientEndpointOptions) => new QuicClientEndpointConfig(options).settings;

describe('the configuration of a QUIC client refuses, by name', () => {
  const cases: [what: string, options: Record<string, unknown>, message: RegExp][] = [
    ['an unknown option', { rejectUnauthorized: false }, /no option 'rejectUnauthorized'/],
    ['an option of servers', { retry: 'auto' }, /no option 'retry'/],
    ['no roots', { roots: [] }, /^roots: there is no certificate/],
    ['null for roots', { roots: null }, /^roots: expected PEM or DER/],
    ['garbage for PEM roots', { roots: 'garbage' }, /^roots: there is no certificate/],
    ['garbage for DER roots', { roots: [Uint8Array.of(0x30, 0)] }, /^roots: the DER certificate cannot be read/],
    ['a root that is none', { roots: [server.certificate] }, /^roots: none of the certificates is a root/],
    ['roots that have all expired', { roots: expiredRoot.certificate }, /^roots: every root in it has expired/],
    ['an empty name', { serverName: '' }, /^serverName: expected/],
    ['a name that is none', { serverName: 'two words' }, /^serverName: expected .* got 'two words'/],
    ['null for a name', { serverName: null }, /^serverName: expected .* got null/],
    ['an address without port', { bindAddress: '127.0.0.1' }, /^bindAddress: expected HOST:PORT .* got '127.0.0.1'/],
    ['null for an address', { bindAddress: null }, /^bindAddress: expected HOST:PORT .* got null/],
    ['1 for true', { insecureSkipVerify: 1 }, /^insecureSkipVerify: expected true or false, got 1/],
    [
      'a text for true',
      { insecureSkipVerify: 'true' },
      /^insecureSkipVerify: expected .* got a string of 4 characters/,
    ],
    ['null for false', { insecureSkipVerify: null }, /^insecureSkipVerify: expected/],
    ['roots that nobody asks', { insecureSkipVerify: true, roots: root.certificate }, /^roots: they mean nothing/],
    ['a chain without key', { certificateChain: client.certificate }, /^privateKey: needed/],
    ['a key without chain', { privateKey: client.key }, /^certificateChain: needed/],
    ['null for a key without chain', { privateKey: null }, /^certificateChain: needed/],
    ['a passphrase for nothing', { passphrase: 'x' }, /^certificateChain: needed/],
    ['a key of another', { ...MINE, privateKey: server.key }, /^privateKey: it does not belong/],
    ['a wrong passphrase', { ...MINE, privateKey: encrypted, passphrase: 'x' }, /^privateKey: .* with this passphrase/],
    ['a passphrase of another type', { ...MINE, passphrase: 5 }, /^passphrase: expected a string/],
    [
      'a certificate for servers',
      { certificateChain: server.certificate, privateKey: server.key },
      /^certificateChain: .* not meant for a client: .* clientAuth/,
    ],
    ['an expired certificate', { certificateChain: expired.certificate, privateKey: expired.key }, /1 has expired/],
    ['an early certificate', { certificateChain: early.certificate, privateKey: early.key }, /1 is not valid before/],
    ['no idle time', { idleTimeoutMs: 0 }, /^idleTimeoutMs: expected an integer of 1 to 2147483647, got 0/],
    ['a sign of life that comes too late', { keepAliveMs: 30_000 }, /^keepAliveMs: expected less than .* got 30000/],
    ['no time for the handshake', { handshakeTimeoutMs: 0 }, /^handshakeTimeoutMs: expected/],
    ['datagrams that QUIC cannot use', { maxDatagramBytes: 1199 }, /^maxDatagramBytes: expected/],
    ['a window below 16 KiB', { streamWindowBytes: 1 }, /^streamWindowBytes: expected/],
    ['a largest window below the first', { maxStreamWindowBytes: MIB - 1 }, /^maxStreamWindowBytes: .* of 1048576 to/],
    ['packets without a header', { maxPacketBytes: 39 }, /^maxPacketBytes: expected an integer of at least 40/],
    ['no high water', { highWaterBytes: 0 }, /^highWaterBytes: expected an integer of 1/],
  ];
  for (const [what, options, message] of cases) it(what, () => expect(refusal(() => make(options))).toMatch(message));

  it('null for options', () => {
    expect(refusal(() => make(null as unknown as object))).toMatch(/expected an object, got null/);
  });
});

describe('the configuration of a QUIC client', () => {
  afterEach(() => {
    vi.resetModules();
    vi.unstubAllEnvs();
  });

  it('verifies against the roots of the platform by default', () => {
    const config = new QuicClientEndpointConfig();
    const { roots = '', ...others } = config.settings;
    expect(others).toEqual({
      verify: true,
      idleTimeoutMs: 30_000,
      keepAliveMs: 10_000,
      handshakeTimeoutMs: 10_000,
      firstDatagramBytes: 1350,
      maxDatagramBytes: 1452,
      maxLoopbackDatagramBytes: 16_384,
      streamWindowBytes: MIB,
      maxStreamWindowBytes: 16 * MIB,
      congestion: 'cubic',
      alpn: ['nnrp/1'],
    });
    expect(roots.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(50);
    expect(config.settings).toBe(config.settings);
    expect(config.transportOptions).toEqual({});
  });

  it('takes those of NODE_EXTRA_CA_CERTS, too, where Node tells them, and asks it once', async () => {
    const getCACertificates = vi.fn((type: string) => [root.certificate, `${type} roots`]);
    const real = Object.getOwnPropertyDescriptor(tls, 'getCACertificates');
    Object.defineProperty(tls, 'getCACertificates', { value: getCACertificates, configurable: true });
    vi.resetModules();
    try {
      const { QuicClientEndpointConfig: Fresh } = await import('../../src/client-endpoint-config.js');
      const configs = [new Fresh(), new Fresh()];
      expect(getCACertificates).not.toHaveBeenCalled();
      for (const { settings } of configs) expect(settings.roots).toBe(`${root.certificate}\ndefault roots`);
      expect(getCACertificates).toHaveBeenCalledTimes(1);
    } finally {
      Reflect.deleteProperty(tls, 'getCACertificates');
      if (real !== undefined) Object.defineProperty(tls, 'getCACertificates', real);
    }
  });

  it('trusts nobody but the roots it is given', () => {
    const { roots = '', verify } = settingsOf({ roots: [der(root.certificate), expiredRoot.certificate] });
    const subjects = roots.split(/(?=-----BEGIN)/).map((pem) => new X509Certificate(pem).subject);
    expect([verify, subjects]).toEqual([true, ['CN=root', 'CN=old root']]);
  });

  it('skips verification when it is told so, and has no roots then', () => {
    const { verify, roots } = settingsOf({ insecureSkipVerify: true });
    expect([verify, roots]).toEqual([false, undefined]);
    expect(settingsOf({ insecureSkipVerify: false }).verify).toBe(true);
  });

  it('does not care for the environment variable that switches TLS verification off', () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(settingsOf({}).verify).toBe(true);
  });

  for (const [given, name] of [
    ['Example.COM.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['127.0.0.1', '127.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
  ] as const) {
    it(`looks for ${name} when the server is called ${given}`, () => {
      expect(settingsOf({ serverName: given }).serverName).toBe(name);
    });
  }

  for (const [idleTimeoutMs, keepAliveMs] of [
    [60_000, 10_000],
    [30_001, 10_000],
    [29_999, 9999],
    [3, 1],
    [1, 0],
  ] as const) {
    it(`shows signs of life every ${keepAliveMs} ms of an idle time of ${idleTimeoutMs}`, () => {
      expect(settingsOf({ idleTimeoutMs }).keepAliveMs).toBe(keepAliveMs);
    });
  }

  it('shows none when it is told so', () => {
    expect(settingsOf({ keepAliveMs: 0 }).keepAliveMs).toBe(0);
  });

  it('takes an address, a certificate and the limits of its transport', () => {
    const transport = { maxPacketBytes: 4096, highWaterBytes: 1, stallTimeoutMs: 0 };
    const identity = { certificateChain: der(client.certificate), privateKey: encrypted, passphrase: 'open sesame' };
    const { settings, transportOptions } = make({ ...identity, ...transport, bindAddress: '[::1]:0' });
    expect(settings.bindAddress).toEqual({ host: '::1', port: 0 });
    expect(new X509Certificate(settings.credentials?.cert ?? '').subject).toBe('CN=client');
    expect(settings.credentials?.key).toBe(client.key);
    expect(transportOptions).toEqual(transport);
  });

  it('cannot be changed', () => {
    const config = make({ ...MINE, bindAddress: '127.0.0.1:0' });
    const { settings, transportOptions } = config;
    for (const part of [settings, settings.bindAddress, settings.credentials, transportOptions]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(() => Object.assign(config, { settings: {} })).toThrow(TypeError);
  });

  it('shows no key when it is logged', () => {
    const config = make({ ...MINE, roots: root.certificate, serverName: 'example.com' });
    const shown = [
      inspect(config, { depth: null, showHidden: true, getters: true }),
      inspect({ config }, { depth: null, customInspect: false, showHidden: true }),
      JSON.stringify({ config }),
      JSON.stringify({ ...config }),
    ];
    for (const text of shown) expect(text).not.toMatch(/PRIVATE KEY|BEGIN|MII/);
    expect(shown[0]).toContain("serverName: 'example.com'");
    expect(shown[2]).toContain('"verify":true');
  });

  it('refuses certificates that were not awaited, whose own failure comes later and ends no process', async () => {
    const failing = () => [Promise.reject(new Error('not read'))] as never;
    for (const name of ['roots', 'certificateChain', 'privateKey', 'passphrase'])
      expect(() => make({ ...MINE, [name]: failing() })).toThrow(name);
    await new Promise((resolve) => setImmediate(resolve));
  });
});
