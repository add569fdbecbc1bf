import { describe, expect, it } from 'vitest';
import { addAddress, readAddresses, type TransportFlags } from './addresses.js';

describe('the addresses of the command line', () => {
  it.each<[string[], TransportFlags, string[]]>([
    [['127.0.0.1:1'], {}, ['nnrp nnrp://127.0.0.1:1']],
    [['127.0.0.1:1'], { tls: true }, ['nnrps nnrps://127.0.0.1:1']],
    [['127.0.0.1:1'], { ca: 'x' }, ['nnrps nnrps://127.0.0.1:1']],
    [['127.0.0.1:1'], { insecure: true }, ['nnrps nnrps://127.0.0.1:1']],
    [['[fe80::1%eth0]:1'], {}, ['nnrp nnrp://[fe80::1%25eth0]:1']],
    [['a:1', 'b:2'], { quic: true, cert: 'x' }, ['nnrp+quic nnrp+quic://a:1', 'nnrp+quic nnrp+quic://b:2']],
    [['nnrp://a:1', 'NNRPS://a:2'], { cert: 'x' }, ['nnrp nnrp://a:1', 'nnrps NNRPS://a:2']],
    [['ws://a/p', 'wss://a/p'], { ca: 'x' }, ['ws ws://a/p', 'wss wss://a/p']],
    [['unix:/run/nnrp.sock'], { insecure: false }, ['unix unix:/run/nnrp.sock']],
    [['npipe://nnrp'], {}, ['unix npipe://nnrp']],
    [['nnrps://a:1'], { tls: true }, ['nnrps nnrps://a:1']],
  ])('%j with %j', (given, flags, expected) => {
    expect(readAddresses(given, flags).map(({ scheme, url }) => `${scheme} ${url}`)).toEqual(expected);
  });

  it.each<[string[], TransportFlags, string]>([
    [['nnrp://a:1'], { tls: true }, '--tls is for HOST:PORT: it means nothing for nnrp://a:1'],
    [['nnrp://a:1'], { cert: 'x' }, '--cert means nothing for nnrp://a:1, which is not encrypted'],
    [['ws://a', 'unix:/x'], { ca: 'x' }, '--ca means nothing for ws://a, unix:/x'],
    [['unix:/run/nnrp.sock'], { quic: true }, '--quic is for HOST:PORT: it means nothing for unix:/run/nnrp.sock'],
    [['a:1'], { quic: true, tls: true }, 'give either --tls or --quic'],
    [['nnrps://a:1'], { insecure: true, ca: 'x' }, '--ca means nothing with --insecure'],
    [
      ['http://a:1'],
      {},
      'there is no transport http: expected nnrp://, nnrps://, nnrp+quic://, ws://, wss://, unix:/path',
    ],
    [['nowhere'], {}, 'HOST:PORT'],
  ])('%j with %j is refused', (given, flags, why) => expect(() => readAddresses(given, flags)).toThrow(why));

  it('add up, where the option is given several times', () => {
    expect(addAddress('b', addAddress('a', undefined))).toEqual(['a', 'b']);
  });
});
