import type { NnrpServer } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { issue } from '../../../nnrp-runtime/test/support/certificates.js';
import { hexOf } from '../../../nnrp-runtime/test/support/wire-packets.js';
import { QuicClientEndpointConfig } from '../../src/client-endpoint-config.js';
import type { QuicStream } from '../../src/engine.js';
import { QuicProvider, QuicServerEndpointConfig } from '../../src/index.js';
import { quinnEngine } from '../../src/quinn/quinn-engine.js';
import {
  GOLDEN_CLOSE,
  GOLDEN_CLOSE_ACK,
  GOLDEN_OPEN,
  GOLDEN_OPEN_ACK,
  resultBytes,
  submitBytes,
} from '../support/golden-packets.js';
import { patterned } from '../support/patterned.js';
import { buildNativePeer, hasCargo, NativePeer, PeerFiles } from './native-peer.js';

const REQUIRED = process.env['NNRP_REQUIRE_CARGO'] === '1';
const found = hasCargo();
const BODY = Buffer.from('prompt');
const ECHO_BYTES = 5_000_000;
const TIMEOUT_MS = 60_000;

const root = await issue({ name: 'CN=root', authority: true });
const leaf = await issue({ name: 'CN=server', issuer: root, ips: ['127.0.0.1'], dns: ['localhost'], use: 'server' });
const credentials = { certificateChain: leaf.certificate, privateKey: leaf.key };

function der(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----.*?-----/g, ''), 'base64');
}

it.runIf(REQUIRED)('cargo is there, as NNRP_REQUIRE_CARGO demands', () => expect(found).toBe(true));

const name = 'native quinn';
describe.skipIf(!found)(found ? name : `${name} (skipped: there is no cargo to build it with)`, () => {
  let files: PeerFiles;
  const cleanup: (() => unknown)[] = [];
  let notBuilt: string | undefined;
  beforeAll(() => {
    files = new PeerFiles();
    try {
      buildNativePeer();
    } catch (error) {
      // Without a network there are no crates.
      if (REQUIRED) throw error;
      notBuilt = `it cannot be built: ${(error as Error).message}`;
    }
  }, 600_000);
  beforeEach((context) => context.skip(notBuilt !== undefined, notBuilt));
  afterAll(() => files?.clear());
  afterEach(async () => {
    for (const undo of cleanup.splice(0).reverse()) await undo();
  });

  function peer(...args: string[]): NativePeer {
    const made = new NativePeer(args);
    cleanup.push(() => made.end());
    return made;
  }

  function listening(protocol: string, ...task: string[]): NativePeer {
    const certificate = files.write('server.der', der(leaf.certificate));
    const key = files.write('server-key.der', der(leaf.key));
    return peer('listen', certificate, key, protocol, ...task);
  }

  function calling(port: number, protocol: string, ...task: string[]): NativePeer {
    return peer('call', String(port), files.write('root.der', der(root.certificate)), protocol, ...task);
  }

  function script(...lines: readonly (readonly [direction: '<' | '>', bytes: Uint8Array])[]): string {
    return files.write('script.txt', lines.map(([direction, bytes]) => `${direction} ${hexOf(bytes)}\n`).join(''));
  }

  async function served(alpn: false | undefined): Promise<NnrpServer> {
    const config = new QuicServerEndpointConfig('127.0.0.1:0', { ...credentials, alpn });
    const server = await QuicProvider.bind(config, { drainTimeoutMs: 0, deadlines: false });
    cleanup.push(() => server.close());
    return server;
  }

  for (const [how, protocol, alpn] of [
    ['with ALPN', 'nnrp/1', undefined],
    ['without ALPN', '-', false],
  ] as const) {
    describe(how, () => {
      it('as server sends 5 MB back', { timeout: TIMEOUT_MS }, async () => {
        const native = listening(protocol, 'echo');
        const { settings } = new QuicClientEndpointConfig({ roots: root.certificate, alpn });
        const stream = await quinnEngine.dial({ host: '127.0.0.1', port: await native.port() }, settings).connect();
        cleanup.push(() => stream.destroy());
        const body = Buffer.from(patterned(ECHO_BYTES));
        stream.end(body);
        expect(Buffer.compare(await everything(stream), body)).toBe(0);
        await native.done();
      });

      it('as client gets 5 MB back', { timeout: TIMEOUT_MS }, async () => {
        const { settings } = new QuicServerEndpointConfig('127.0.0.1:0', { ...credentials, alpn });
        const failures: Error[] = [];
        const socket = await quinnEngine.listen(settings, {
          connected: (stream) => stream.pipe(stream).on('error', (error) => failures.push(error)),
          handshakeFailed: (error) => failures.push(error),
          boundHit: () => {},
          missed: (error) => failures.push(error),
          failed: (error) => failures.push(error),
        });
        cleanup.push(() => socket.close());
        await calling(parseAddress(socket.address).port, protocol, 'send', String(ECHO_BYTES)).done();
        expect(failures).toEqual([]);
      });

      it('as server has a session with our client, byte for byte', { timeout: TIMEOUT_MS }, async () => {
        const native = listening(
          protocol,
          'script',
          script(
            ['<', GOLDEN_OPEN],
            ['>', GOLDEN_OPEN_ACK],
            ['<', submitBytes(1, BODY)],
            ['>', resultBytes(1, BODY)],
            ['<', GOLDEN_CLOSE],
            ['>', GOLDEN_CLOSE_ACK],
          ),
        );
        const options = { roots: root.certificate, alpn };
        const client = await QuicProvider.connect(`127.0.0.1:${await native.port()}`, options, { announce: false });
        cleanup.push(() => client.close());
        const session = await client.openSession({ requestedSessionId: 1, defaultDeadlineMs: 500 });
        const { body } = await (await session.submit(BODY)).result();
        expect(Buffer.compare(body, BODY)).toBe(0);
        await session.close();
        await client.close();
        await native.done();
      });

      it('as client has a session with our server, byte for byte', { timeout: TIMEOUT_MS }, async () => {
        const server = await served(alpn);
        const native = calling(
          parseAddress(server.localAddress).port,
          protocol,
          'script',
          script(
            ['>', GOLDEN_OPEN],
            ['<', GOLDEN_OPEN_ACK],
            ['>', submitBytes(1, BODY)],
            ['<', resultBytes(1, BODY)],
            ['>', GOLDEN_CLOSE],
            ['<', GOLDEN_CLOSE_ACK],
          ),
        );
        const session = await server.accept();
        const submit = await session.receiveSubmit();
        expect(Buffer.compare(submit.body, BODY)).toBe(0);
        await session.sendResult(1, {}, submit.body);
        await session.ackClose(await session.receiveClose());
        await native.done();
      });
    });
  }

  for (const [what, protocol, alpn] of [
    ['speaks no ALPN to a server that wants one', '-', undefined],
    ['wants a protocol of a server that speaks no ALPN', 'nnrp/1', false],
  ] as const) {
    it(`is refused when it ${what}`, async () => {
      const server = await served(alpn);
      const native = calling(parseAddress(server.localAddress).port, protocol, 'echo');
      await expect(native.done()).rejects.toThrow(/Code::crypto\(78\)|NoApplicationProtocol/);
    });
  }
});

async function everything(stream: QuicStream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
