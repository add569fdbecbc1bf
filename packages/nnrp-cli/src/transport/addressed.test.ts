import { describe, expect, it } from 'vitest';
import { addressed } from './addressed.js';

describe('an address of the command line', () => {
  it.each<[string, object, object]>([
    ['127.0.0.1:1', { tls: true }, { address: '127.0.0.1:1', flags: { tls: true }, isLocal: false }],
    ['nnrp://[::1]:1/', {}, { address: '[::1]:1', flags: {}, isLocal: false }],
    ['NNRPS://a:1', { ca: 'x' }, { address: 'a:1', flags: { ca: 'x', tls: true }, isLocal: false }],
    ['nnrp+quic://a:1', {}, { address: 'a:1', flags: { quic: true }, isLocal: false }],
    ['unix:/run/nnrp.sock', { insecure: false }, { address: 'unix:/run/nnrp.sock', isLocal: true }],
    ['npipe://nnrp', {}, { address: 'npipe://nnrp', isLocal: true }],
  ])('%s with %j', (given, flags, expected) => expect(addressed(given, flags)).toMatchObject(expected));

  it.each<[string, object, string]>([
    ['nnrp://a:1', { tls: true }, 'nnrp:// is not encrypted: --tls means nothing with it'],
    ['nnrp://a:1', { tlsCert: 'x' }, '--tls-cert means nothing with it'],
    ['unix:/run/nnrp.sock', { quic: true }, 'unix:/run/nnrp.sock is not encrypted: --quic means nothing with it'],
    ['http://a:1', {}, 'there is no transport http: expected nnrp://, nnrps:// or nnrp+quic://'],
  ])('%s with %j is refused', (given, flags, why) => expect(() => addressed(given, flags)).toThrow(why));
});
