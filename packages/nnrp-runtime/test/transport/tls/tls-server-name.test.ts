import { describe, expect, it } from 'vitest';
import { checkServerName, tlsServerName } from '../../../src/transport/tls/tls-server-name.js';
import { der, issue } from '../../support/certificates.js';

const both = der(
  (await issue({ name: 'CN=common.example', dns: ['a.example', '*.b.example'], ips: ['::1'] })).certificate,
);
const bare = der((await issue({ name: 'CN=common.example' })).certificate);

describe('the name of a server', () => {
  for (const [given, name] of [
    ['Example.COM.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['10.0.0.7', '10.0.0.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::ffff:7f00:1', '127.0.0.1'],
    ['::7f00:1', '::7f00:1'],
  ] as const) {
    it(`${given} is looked for as ${name}`, () => expect(tlsServerName(given)).toBe(name));
  }

  for (const given of ['', 'two words', 'host:4433', 7, null, undefined]) {
    it(`cannot be ${String(given) || 'empty'}`, () => {
      const shown = typeof given === 'string' ? `'${given}'` : String(given);
      expect(() => tlsServerName(given)).toThrow(`serverName: expected a DNS name or an IP address, got ${shown}`);
    });
  }
});

describe('a certificate', () => {
  for (const name of ['a.example', 'x.b.example', '::1', '0:0:0:0:0:0:0:1']) {
    it(`is for ${name}`, () => expect(checkServerName(name, both)).toBeUndefined());
  }

  for (const name of ['b.example', 'x.y.b.example', '127.0.0.1', 'common.example']) {
    it(`is not for ${name}, and it says whom it is for`, () => {
      expect(checkServerName(name, both)?.message).toBe(
        `the certificate is not for ${name}, but for DNS:a.example, DNS:*.b.example, IP Address:0:0:0:0:0:0:0:1`,
      );
    });
  }

  it('without alternative names is for nobody, not even for its common name', () => {
    expect(checkServerName('common.example', bare)?.message).toMatch(/not for common.example, but for no name at all/);
  });

  it('that cannot be read is for nobody', () => {
    expect(checkServerName('a.example', Uint8Array.of(0x30, 1, 2))?.message).toBe('the certificate cannot be read');
  });
});
