import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readServerFile } from './config/server-file.js';
import { haveOwnCertificates, listenAddresses } from './listen-addresses.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-serve-file-'));
const config = join(folder, 'serve.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(json: object) {
  writeFileSync(config, JSON.stringify(json));
  return readServerFile(config);
}

const TLS = { cert: 'a.pem', key: 'a.key' };

describe('the addresses of a file', () => {
  const shown = (flags: object, json: object) =>
    listenAddresses({ config, ...flags }, read(json)).map(
      ({ url, tls: { cert } }) => `${url} ${cert?.replace(`${folder}/`, '')}`,
    );

  it('have certificates of their own, or those of the file; the command line wins over both', () => {
    const listeners = ['a:1', 'unix:/x', { address: 'nnrp+quic://a:2', tls: { cert: 'b.pem', key: 'b.key' } }];
    expect(shown({}, { listeners, tls: TLS })).toEqual(['nnrps://a:1 a.pem', 'unix:/x a.pem', 'nnrp+quic://a:2 b.pem']);
    expect(shown({ cert: '/c.pem', key: '/c.key' }, { listeners, tls: TLS })).toEqual([
      'nnrps://a:1 /c.pem',
      'unix:/x /c.pem',
      'nnrp+quic://a:2 /c.pem',
    ]);
    expect(shown({ listen: ['b:1'] }, { listeners })).toEqual(['nnrp://b:1 undefined']);
    expect(shown({ listen: ['b:1'] }, { listeners, tls: TLS })).toEqual(['nnrps://b:1 a.pem']);
    expect(shown({}, {})).toEqual(['nnrp://127.0.0.1:4433 undefined']);
  });

  it('may have another certificate for each address of one scheme', () => {
    const listeners = ['a:1', { address: 'a:2', tls: { cert: 'b.pem', key: 'b.key' } }, 'unix:/x'];
    expect(shown({}, { listeners, tls: TLS })).toEqual(['nnrps://a:1 a.pem', 'nnrps://a:2 b.pem', 'unix:/x a.pem']);
    const own = (given: readonly unknown[]) =>
      haveOwnCertificates(listenAddresses({ config }, read({ listeners: given, tls: TLS })));
    expect([own(listeners), own(['a:1', 'a:2', 'nnrp+quic://a:3'])]).toEqual([true, false]);
  });

  it.each<[json: object, message: string]>([
    [{ listeners: ['a:1', 'http://a'] }, 'listeners[1]: there is no transport http'],
    [{ listeners: ['nowhere'] }, 'listeners[0]: '],
    [
      { listeners: [{ address: 'nnrp://a:1', tls: TLS }] },
      'listeners[0]: tls.cert means nothing for nnrp://a:1, which is not encrypted',
    ],
    [{ listeners: ['nnrp://a:1'], tls: TLS }, 'tls.cert means nothing for nnrp://a:1'],
    [{ listeners: ['nnrps://a:1'] }, 'nnrps://a:1 is encrypted: a server certificate needs both'],
    [
      { listeners: [{ address: 'a:1', tls: { ...TLS, ca: 'c' } }, 'a:2'] },
      'nnrp://a:2 asks no client for a certificate',
    ],
    [
      {
        listeners: [
          { address: 'nnrps://a:1', tls: { ...TLS, ca: 'c' } },
          { address: 'nnrps://a:2', tls: TLS },
        ],
      },
      'nnrps://a:2 asks no client for a certificate',
    ],
    [
      {
        listeners: [
          { address: 'nnrps://a:1', tls: { ...TLS, ca: 'c' } },
          { address: 'nnrp+quic://a:2', tls: TLS },
        ],
      },
      'nnrp+quic://a:2 asks no client for a certificate',
    ],
  ])('are refused: %j', (json, message) => {
    expect(() => listenAddresses({ config }, read(json))).toThrow(message);
  });
});
