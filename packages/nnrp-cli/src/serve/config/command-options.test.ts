import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readServerFile } from './server-file.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-serve-file-'));
const config = join(folder, 'serve.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(json: object) {
  writeFileSync(config, JSON.stringify(json));
  return readServerFile(config);
}

const TLS = { cert: 'a.pem', key: 'a.key' };

describe('what a configuration file says of the command', () => {
  it('is read beside the options of the server, its paths relative to the file', () => {
    const { command, config: server } = read({
      $schema: './serve.schema.json',
      listeners: ['127.0.0.1:1', { address: 'unix:/run/nnrp.sock' }, { address: 'nnrps://a:2', tls: TLS }],
      tls: { ...TLS, ca: '/etc/ca.pem' },
      logLevel: 'error',
      module: './handlers.js',
      reload: true,
      handler: 'tokens',
      admin: { address: '127.0.0.1:9090', token: 'token', open_probes: true },
      max_sessions: 5,
    });
    const tls = { cert: join(folder, 'a.pem'), key: join(folder, 'a.key') };
    expect(command).toEqual({
      listeners: [{ address: '127.0.0.1:1' }, { address: 'unix:/run/nnrp.sock' }, { address: 'nnrps://a:2', tls }],
      tls: { ...tls, ca: '/etc/ca.pem' },
      logLevel: 'error',
      module: join(folder, 'handlers.js'),
      reload: true,
      handler: 'tokens',
      admin: { address: '127.0.0.1:9090', token: join(folder, 'token'), openProbes: true },
    });
    expect(server).toEqual({ maxSessions: 5 });
  });

  it.each<[json: object, message: string]>([
    [{ listeners: {} }, 'listeners: expected a list of addresses, got '],
    [{ listeners: [] }, 'listeners: expected a list of addresses, got '],
    [{ listeners: ['a:1', 7] }, 'listeners[1]: expected an address, or an object of address and tls, got 7'],
    [{ listeners: [{}] }, 'listeners[0].address: expected HOST:PORT or a URL, it is missing'],
    [{ listeners: [{ address: 'a:1', port: 1 }] }, 'listeners[0].port: there is no such field; there are address, tls'],
    [
      { listeners: ['a:1', { address: 'a:2', tls: { ...TLS, cert: 5 } }] },
      'listeners[1].tls.cert: expected the path of a file, got 5',
    ],
    [{ listeners: [{ address: 'a:1', tls: { cert: 'x' } }] }, 'listeners[0].tls.key: is missing'],
    [{ tls: { key: 'x' } }, 'tls.cert: is missing'],
    [{ tls: { ...TLS, '\u001b[2J': 1 } }, 'tls.\\x1b[2J: there is no such field'],
    [{ tls: 'x' }, 'tls: expected an object of cert, key and ca, got '],
    [{ log_level: 'loud' }, 'log_level: expected one of silent, error, warning, info, got '],
    [{ module: 7 }, 'module: expected the path of a file, got 7'],
    [{ reload: 'yes' }, 'reload: expected true or false, got '],
    [{ handler: 'mine' }, 'handler: expected one of echo, tokens, got '],
    [{ admin: 'a:1' }, 'admin: expected an object of address and token, got '],
    [{ admin: {} }, 'admin.address: expected HOST:PORT, it is missing'],
    [{ admin: { address: 'a:1', token: 7 } }, 'admin.token: expected the path of a file, got 7'],
    [{ admin: { address: 'a:1', open_probes: 'yes' } }, 'admin.open_probes: expected true or false, got '],
    [{ log_level: 'info', logLevel: 'info' }, 'logLevel: the option is given twice'],
    [{ transports: {} }, 'transports: cannot be set in a file'],
  ])('is refused with the path of what is wrong: %j', (json, message) => {
    expect(() => read(json)).toThrow(`${config}: ${message}`);
  });
});
