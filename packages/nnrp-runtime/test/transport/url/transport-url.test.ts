import { describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import { NnrpServer } from '../../../src/server/server.js';
import { MemoryListener } from '../../../src/transport/memory.js';
import { registerTransport, type TransportScheme } from '../../../src/transport/url/registry.js';
import { parseTransportUrl } from '../../../src/transport/url/transport-url.js';

describe('an address', () => {
  it.each([
    ['127.0.0.1:4433', 'tcp', '127.0.0.1:4433'],
    ['localhost:4433', 'tcp', 'localhost:4433'],
    ['[::1]:4433', 'tcp', '[::1]:4433'],
    ['nnrp://127.0.0.1:4433', 'tcp', 'nnrp://127.0.0.1:4433'],
    ['NNRP://example.org:1/', 'tcp', 'nnrp://example.org:1'],
    ['nnrp://127.1:4433', 'tcp', 'nnrp://127.0.0.1:4433'],
    ['nnrps://[::1]:4433', 'tls', 'nnrps://[::1]:4433'],
    ['nnrp://[fe80::1%25eth0]:1', 'tcp', 'nnrp://[fe80::1%eth0]:1'],
    ['nnrp://[fe80::1%eth0]:1', 'tcp', 'nnrp://[fe80::1%eth0]:1'],
    ['unix:/run/nnrp.sock', 'ipc', 'unix:/run/nnrp.sock'],
    ['unix:///run/nnrp.sock', 'ipc', 'unix:/run/nnrp.sock'],
    ['unix:@nnrp', 'ipc', 'unix:@nnrp'],
  ])('%s is %s', (given, sort, text) => expect(parseTransportUrl(given)).toMatchObject({ sort, text }));

  it.each<[unknown, string]>([
    [undefined, 'address: expected nnrp://HOST:PORT, nnrps://HOST:PORT, unix:/path or HOST:PORT, got undefined'],
    ['', "address: expected nnrp://HOST:PORT, nnrps://HOST:PORT, unix:/path or HOST:PORT, got ''"],
    ['example.org', "HOST:PORT, got 'example.org'"],
    ['/run/nnrp.sock', 'a path is written unix:/path'],
    ['@nnrp', 'a path is written unix:/path'],
    [
      'nnrp://example.org',
      "address: expected nnrp://HOST:PORT with a port of 0 to 65535, and nothing else, got 'nnrp://example.org'",
    ],
    ['nnrp://example.org:99999', 'expected nnrp://HOST:PORT'],
    ['nnrp://[::1', 'expected nnrp://HOST:PORT'],
    ['nnrp://::1:4433', "expected nnrp://HOST:PORT with a port of 0 to 65535, and nothing else, got 'nnrp://::1:4433'"],
    [
      'nnrp://ex%61mple.org:1',
      "expected nnrp://HOST:PORT with a port of 0 to 65535, and nothing else, got 'nnrp://ex%61mple.org:1'",
    ],
    ['nnrp://example.org:1#a', 'expected nnrp://HOST:PORT'],
    [
      'nnrps://me@example.org:1',
      "expected nnrps://HOST:PORT with a port of 0 to 65535, and nothing else, got 'nnrps://…@example.org:1'",
    ],
    ['nnrps:///run/nnrp.sock', 'expected nnrps://HOST:PORT'],
    ['unix://example.org/run/nnrp.sock', 'expected unix:/path or unix:///path: a socket has no host'],
    [
      'unix:/run/nnrp.sock?token=secret',
      "expected no query and no fragment: in a path, ? is written %3F, got 'unix:/run/nnrp.sock…'",
    ],
    ['unix://me:secret@example.org/run/nnrp.sock', "a socket has no host, got 'unix://…@example.org…'"],
    [
      'nnrps://example.org:1/path',
      "expected nnrps://HOST:PORT with a port of 0 to 65535, and nothing else, got 'nnrps://example.org:1…'",
    ],
    ['nnrp://user:secret@example.org:1', "got 'nnrp://…@example.org:1'"],
    ['nnrp://example.org:1?token=secret', 'expected nnrp://HOST:PORT'],
    ['nnrp:example.org:1', 'HOST:PORT'],
    ['http://example.org:1', 'address: there is no transport http; there are nnrp, nnrps, unix, npipe'],
    ['constructor://example.org:1', 'there is no transport constructor'],
    [
      'ws://example.org/chat',
      "address: ws is a transport of the package nnrp-transport-websocket: install it, and import 'nnrp-transport-websocket', for 'ws://example.org…'",
    ],
    ['wss://example.org/chat', 'wss is a transport of the package nnrp-transport-websocket: install it'],
    [
      'nnrp+quic://example.org:1',
      "address: nnrp+quic is a transport of the package nnrp-transport-quic: install it, and import 'nnrp-transport-quic', for 'nnrp+quic://example.org:1'",
    ],
  ])('%j is refused', (given, why) => {
    expect(() => parseTransportUrl(given as string)).toThrow(why);
    expect(() => parseTransportUrl(given as string)).not.toThrow(/secret/);
  });

  it('that is wrong is a mistake of the caller, of client and server', async () => {
    await expect(NnrpClient.connect('nnrp://x')).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    await expect(NnrpClient.connect(['127.0.0.1:1', 'nnrp://x'])).rejects.toThrow(
      'connect: address 2: expected nnrp://',
    );
    await expect(NnrpClient.connect([])).rejects.toThrow('connect: expected an address or a list of them, got []');
    await expect(NnrpClient.connect(new Array(1) as never)).rejects.toThrow('connect: expected nnrp://');
    await expect(NnrpClient.connect(undefined as never)).rejects.toThrow('expected an address or a FramedConnector');
    await expect(NnrpServer.listen('nnrp://x')).rejects.toThrow('listen: expected nnrp://HOST:PORT');
    await expect(NnrpServer.listen(['127.0.0.1:0', 'nnrp://x'])).rejects.toThrow('listen: address 2: expected nnrp://');
    await expect(NnrpServer.listen([])).rejects.toThrow('listen: expected an address or a list of them');
    await expect(NnrpServer.listen(4433 as never)).rejects.toThrow(
      'listen: expected an address or a list of them, got 4433',
    );
  });
});

describe('options of transports', () => {
  it.each<[string, object, string]>([
    [
      'nnrp://127.0.0.1:1',
      { tls: {} },
      'tls: it means nothing for nnrp://127.0.0.1:1, which is not encrypted; expected nnrps://HOST:PORT',
    ],
    ['unix:/run/nnrp.sock', { tls: {} }, 'tls: it means nothing for unix:/run/nnrp.sock'],
    ['nnrps://127.0.0.1:1', { tls: { root: '' } }, "TLS options: there is no option 'root'; did you mean roots?"],
    [
      'nnrps://127.0.0.1:1',
      { transports: { unix: {} } },
      "transports: 'unix' is the scheme of no address; there are nnrps",
    ],
    ['nnrp://127.0.0.1:1', { transports: { nnrp: {} } }, "nnrp://127.0.0.1:1: transports: 'nnrp' has no options here"],
    [
      'unix:/run/nnrp.sock',
      { transports: { unix: { mode: 0o600 } } },
      "unix:/run/nnrp.sock: transports: 'unix' has no options here",
    ],
    ['nnrps://127.0.0.1:1', { transports: [] }, 'transports: expected options by scheme'],
    ['nnrp://127.0.0.1:1', { tsl: {} }, "client configuration: there is no option 'tsl'"],
  ])('that fit nothing are refused to a client of %s: %j', async (address, config, why) => {
    await expect(NnrpClient.connect(address, config)).rejects.toThrow(why);
  });

  it.each<[string | string[], object, string]>([
    ['nnrp://127.0.0.1:0', { tls: {} }, 'tls: it means nothing for nnrp://127.0.0.1:0'],
    [
      'nnrps://127.0.0.1:0',
      {},
      'listen: nnrps://127.0.0.1:0: needs a certificate and its key: { tls: { certificateChain, privateKey } }',
    ],
    [['127.0.0.1:0', 'nnrps://127.0.0.1:0'], {}, 'listen: listener 2 of 2: nnrps://127.0.0.1:0: needs a certificate'],
    [
      'unix:/run/nnrp.sock',
      { transports: { unix: { mode: 'x' } } },
      'listen: unix:/run/nnrp.sock: mode: expected permissions',
    ],
    ['127.0.0.1:0', { transports: { nnrp: { mode: 1 } } }, "127.0.0.1:0: transports: 'nnrp' has no options here"],
    ['127.0.0.1:0', { maxSession: 1 }, "server configuration: there is no option 'maxSession'"],
  ])('that fit nothing are refused to a server on %s: %j', async (addresses, config, why) => {
    await expect(NnrpServer.listen(addresses, config)).rejects.toThrow(why);
  });

  it('mean nothing where a connector is given', async () => {
    const connector = { kind: 'memory', connect: () => Promise.reject(new Error('not reached')) };
    await expect(NnrpClient.connect(connector, { tls: {} } as never)).rejects.toThrow("there is no option 'tls'");
  });

  it('may stand on an object of a class', async () => {
    class Config {
      readonly maxSessionsPerConnection = 1;
      get tls() {
        return {};
      }
    }
    await expect(NnrpServer.listen('127.0.0.1:0', new Config() as never)).rejects.toThrow('tls: it means nothing');
  });
});

describe('a transport of its own', () => {
  it('registers its scheme, gets what is said for it, and carries sessions', async () => {
    const memory = new MemoryListener();
    const connector = vi.fn(() => ({ kind: 'memory', connect: () => memory.connect() }));
    const listener = vi.fn(() => memory);
    registerTransport({ scheme: 'test+memory', isEncrypted: false, connector, listener });
    const transports = { 'test+memory': { a: 1 } };
    const server = await NnrpServer.listen('test+memory://here:1/path?x=1', { transports, maxPacketBytes: 4096 });
    server.serve({ submit: ({ body }) => body });
    const client = await NnrpClient.connect('Test+Memory://there:2', { transports, connectTimeoutMs: 77 });
    const session = await client.openSession();
    expect((await session.request('over memory')).text()).toBe('over memory');
    await client.close();
    await server.close();
    expect(listener).toHaveBeenCalledWith(expect.objectContaining({ href: 'test+memory://here:1/path?x=1' }), {
      limits: expect.objectContaining({ maxPacketBytes: 4096 }),
      own: { a: 1 },
    });
    expect(connector).toHaveBeenCalledWith(expect.objectContaining({ host: 'there:2' }), {
      limits: expect.objectContaining({ connectTimeoutMs: 77 }),
      own: { a: 1 },
    });
  });

  it('gets certificates when it is encrypted, unless it has options of its own', async () => {
    const seen: unknown[] = [];
    const connector: TransportScheme['connector'] = (_, { own }) => {
      seen.push(own);
      return { kind: 'test', connect: () => Promise.reject(new Error('seen')) };
    };
    registerTransport({ scheme: 'test+sealed', isEncrypted: true, connector });
    const tls = { serverName: 'a' };
    await NnrpClient.connect('test+sealed://here:1', { tls }).catch(() => {});
    await NnrpClient.connect('test+sealed://here:1', { tls, transports: { 'test+sealed': { b: 2 } } }).catch(() => {});
    await NnrpClient.connect('test+sealed://here:1').catch(() => {});
    expect(seen).toEqual([tls, { b: 2 }, undefined]);
    await expect(NnrpServer.listen('test+sealed://here:1')).rejects.toThrow('test+sealed cannot listen here');
  });

  it('keeps its place where it listens and another that only connects is registered, in whichever order', async () => {
    const scheme = 'test+both';
    const failing = (name: string) => () => ({ kind: 'test', connect: () => Promise.reject(new Error(name)) });
    const both = { scheme, isEncrypted: false, connector: failing('both'), listener: () => new MemoryListener() };
    const connecting = (name: string) => registerTransport({ scheme, isEncrypted: false, connector: failing(name) });
    connecting('first');
    connecting('second');
    await expect(NnrpClient.connect('test+both://here:1')).rejects.toThrow('second');
    registerTransport(both);
    connecting('third');
    await expect(NnrpClient.connect('test+both://here:1')).rejects.toThrow('both');
    await (await NnrpServer.listen('test+both://here:1')).close();
  });

  it('has an address that is a URL, and no password in it', async () => {
    registerTransport({ scheme: 'test+url', isEncrypted: false, listener: () => new MemoryListener() });
    await expect(NnrpServer.listen('test+url://me:secret@here:1')).rejects.toThrow(
      "listen: expected no user and no password: credentials are for openSession, got 'test+url://…@here:1'",
    );
    await expect(NnrpServer.listen('test+url://here:x')).rejects.toThrow(
      'listen: expected a URL such as test+url://HOST:PORT',
    );
    await expect(NnrpClient.connect('test+url://here:1')).rejects.toThrow(
      'test+url://here:1: test+url cannot connect here',
    );
  });

  it.each<[unknown, string]>([
    [undefined, 'registerTransport: scheme: expected lower-case letters'],
    [{ scheme: 'Quic' }, "expected lower-case letters such as nnrp+quic, got 'Quic'"],
    [{ scheme: 'nnrp', isEncrypted: false, connector: () => {} }, "the scheme nnrp is nnrp-runtime's own"],
    [{ scheme: 'test', isEncrypted: 1 }, 'isEncrypted: expected true or false, got 1'],
    [{ scheme: 'test', isEncrypted: true }, 'expected a connector, a listener or both'],
  ])('is refused: %j', (transport, why) => {
    expect(() => registerTransport(transport as TransportScheme)).toThrow(why);
  });
});
