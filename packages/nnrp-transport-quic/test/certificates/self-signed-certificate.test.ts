import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
// The library below needs the polyfill to be there first.
import 'reflect-metadata';
import { type BasicConstraintsExtension, X509Certificate as ParsedCertificate } from '@peculiar/x509';
import { afterEach, describe, expect, it } from 'vitest';
import { DER_TAGS, der, derObjectId, derSequence, derTime } from '../../src/certificates/der.js';
import { selfSignedCertificate } from '../../src/certificates/self-signed-certificate.js';

const HOUR_MS = 3_600_000;
const { certificateDer, privateKeyPkcs8Der } = selfSignedCertificate();
const certificate = new X509Certificate(certificateDer);
const privateKey = createPrivateKey({ key: Buffer.from(privateKeyPkcs8Der), format: 'der', type: 'pkcs8' });

const cleanup: (() => unknown)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

describe('a self-signed certificate', () => {
  it('is of its key, on P-256, and signed with it', () => {
    expect(certificate.checkPrivateKey(privateKey)).toBe(true);
    expect(privateKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect([certificate.subject, certificate.issuer]).toEqual(['CN=localhost', 'CN=localhost']);
  });

  it('is for localhost and the loopback addresses, and for nothing else', () => {
    expect(certificate.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    expect(certificate.checkHost('localhost', { subject: 'never' })).toBe('localhost');
    expect([certificate.checkIP('127.0.0.1'), certificate.checkIP('::1')]).toEqual(['127.0.0.1', '::1']);
    expect([certificate.checkHost('example.com'), certificate.checkIP('127.0.0.2')]).toEqual([undefined, undefined]);
  });

  it('is of a server, cannot issue others and says nothing about the use of its key', () => {
    expect([certificate.ca, certificate.keyUsage]).toEqual([false, ['1.3.6.1.5.5.7.3.1']]);
    const { extensions } = new ParsedCertificate(certificateDer);
    expect(extensions.map(({ type, critical }) => [type, critical])).toEqual([
      ['2.5.29.19', true],
      ['2.5.29.37', false],
      ['2.5.29.17', false],
    ]);
    expect((extensions[0] as BasicConstraintsExtension).ca).toBe(false);
  });

  it('has a positive serial number of 16 bytes that no other has', () => {
    const serials = Array.from({ length: 40 }, () => {
      const { serialNumber } = new X509Certificate(selfSignedCertificate().certificateDer);
      expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
      return serialNumber;
    });
    expect(new Set(serials).size).toBe(40);
  });

  it('is valid from an hour ago and for 365 days', () => {
    const { validFrom, validTo } = certificate;
    expect(Math.abs(Date.parse(validFrom) + HOUR_MS - Date.now())).toBeLessThan(60_000);
    expect(Date.parse(validTo) - Date.parse(validFrom)).toBe((365 * 24 + 1) * HOUR_MS);
  });

  for (const [now, from, to] of [
    ['2049-06-01T00:00:00Z', 'May 31 23:00:00 2049 GMT', 'Jun  1 00:00:00 2050 GMT'],
    ['2050-01-01T00:30:00Z', 'Dec 31 23:30:00 2049 GMT', 'Jan  1 00:30:00 2051 GMT'],
    ['2077-01-02T00:00:00Z', 'Jan  1 23:00:00 2077 GMT', 'Jan  2 00:00:00 2078 GMT'],
  ] as const) {
    it(`has the right dates when it is made at ${now}`, () => {
      const { validFrom, validTo } = new X509Certificate(selfSignedCertificate(new Date(now)).certificateDer);
      expect([validFrom, validTo]).toEqual([from, to]);
    });
  }

  it('is plain bytes, which are not part of a larger buffer', () => {
    for (const bytes of [certificateDer, privateKeyPkcs8Der]) {
      expect([bytes.constructor, bytes.buffer.byteLength]).toEqual([Uint8Array, bytes.length]);
    }
  });

  for (const host of ['localhost', '127.0.0.1']) {
    it(`proves ${host} to a TLS client that has it for a root`, async () => {
      const server = createServer({
        cert: certificate.toString(),
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      });
      cleanup.push(() => server.close());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const name = host === 'localhost' ? { servername: host } : {};
      const client = connect({ host: '127.0.0.1', port, ca: certificate.toString(), ...name });
      cleanup.push(() => client.destroy());
      await once(client, 'secureConnect');
      expect([client.authorized, client.getPeerX509Certificate()?.fingerprint256]).toEqual([
        true,
        certificate.fingerprint256,
      ]);
    });
  }
});

describe('DER', () => {
  for (const [length, head] of [
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ] as const) {
    it(`says a length of ${length} in as few bytes as possible`, () => {
      const value = Buffer.from(der(DER_TAGS.octetString, new Uint8Array(length)));
      expect(value.toString('hex', 0, value.length - length)).toBe(head);
    });
  }

  it('writes object ids, numbers above 127 and 16383 included', () => {
    const hex = (dotted: string) => Buffer.from(derObjectId(dotted)).toString('hex');
    expect(hex('2.5.29.17')).toBe('0603551d11');
    expect(hex('1.2.840.113549')).toBe('06062a864886f70d');
  });

  it('joins what a sequence is made of', () => {
    const one = der(DER_TAGS.integer, Uint8Array.of(1));
    expect(Buffer.from(derSequence(one, one)).toString('hex')).toBe('3006020101020101');
  });

  it('changes to four digits of the year with 2050', () => {
    const text = (time: string) => Buffer.from(derTime(new Date(time))).toString('latin1');
    expect(text('2049-12-31T23:59:59.999Z')).toBe('\x17\x0d491231235959Z');
    expect(text('2050-01-01T00:00:00Z')).toBe('\x18\x0f20500101000000Z');
  });
});
