import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { issue } from '../support/certificates.js';
import { resumableOpenBytes } from '../support/resumable-peer.js';
import { openBytes } from '../support/wire-packets.js';
import { dialled, endAll, expectHeld, listening, settled, startEnd } from './memory-bounds/driven-end.js';
import { type Driven, drive } from './memory-bounds/driven-server.js';

/*
 * What a server holds for those that it does not let in: each room of docs/memory.md driven to its bound.
 */

const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'] });
const KIB = 1024;
const TABLE = 10_000;
/** One entry of the tables of refusals. */
const ENTRY_BYTES = 300;

afterEach(endAll);

/** What a client of TLS says first. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect({ port: (listener.address() as AddressInfo).port, host: '127.0.0.1' });
  client.on('error', () => {});
  const [socket] = await once(listener, 'connection');
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return hello;
}

describe('TLS handshakes hold what they are counted as', () => {
  const handshaking = (bytes: readonly Uint8Array[]): Driven => ({
    name: 'tlsHandshakes',
    use: 'receive',
    tls: {
      certificateChain: certificate,
      privateKey: key,
      maxHandshakesPerAddress: 0,
      handshakeTimeoutMs: 100_000,
    },
    connections: 1100,
    bytes: () => bytes,
    least: 1024,
    bytesOfOne: 60 * KIB,
    resident: true,
  });

  it('of peers that say nothing', () => drive(handshaking([])), 60_000);

  it('of peers that say half of what comes first', async () => {
    const hello = await clientHello();
    await drive(handshaking([hello.subarray(0, hello.length / 2)]));
  }, 60_000);

  it('of peers that say nothing after the first answer', async () => {
    await drive(handshaking([await clientHello()]));
  }, 60_000);
});

describe('refusals hold what they are counted as', () => {
  const PATIENT = { handshakeTimeoutMs: 100_000, refusalsPerAddress: 0 };

  it('of as many addresses as are remembered, and more', async () => {
    const options = { name: 'refusedAddresses', use: 'refuse', config: { ...PATIENT, refusalsPerAddress: 50 } };
    const { child, said } = startEnd('server-end.mjs', JSON.stringify(options));
    const address = await listening(said);
    const open = openBytes();
    let next = 0;
    const ask = async () => {
      for (let peer = next++; peer < TABLE * 1.05; peer = next++) {
        const socket = dialled(address, `127.${1 + (peer >> 16)}.${(peer >> 8) & 255}.${peer & 255}`);
        socket.end(open);
        await once(socket.resume(), 'close');
      }
    };
    await Promise.all(Array.from({ length: 50 }, ask));
    const measured = await settled(child, TABLE);
    expect(measured.counted).toBe(TABLE);
    expectHeld({ ...measured, counted: TABLE * ENTRY_BYTES }, true);
  }, 120_000);

  it('of as many sessions as are remembered, and more', async () => {
    const CONNECTIONS = 25;
    function* guesses(connection: number) {
      const token = new Uint8Array(24).fill(1);
      for (let sessionId = connection + 1; sessionId <= TABLE * 1.05; sessionId += CONNECTIONS)
        yield resumableOpenBytes({ sessionId, token, received: 0 });
    }
    await drive({
      name: 'refusedSessions',
      use: 'receive',
      config: PATIENT,
      connections: CONNECTIONS,
      bytes: guesses,
      least: TABLE,
      bytesOfOne: ENTRY_BYTES,
      resident: true,
    });
  }, 60_000);
});
