import { describe, expect, it } from 'vitest';
import type { QuicheConnection } from '../src/quiche/binding.js';
import type { ConnectionParts } from '../src/quiche/connection-parts.js';
import { QuicheConnectionDriver } from '../src/quiche/quiche-connection-driver.js';
import { tinyPackets } from './tiny-packets.js';

const reason = Buffer.from('no');

/** A client's connection on which a handshake and an end have come in the same turn, with nothing of it real. */
function establishedAndOver(end: Partial<QuicheConnection>): {
  outcomes: string[];
  connection: QuicheConnectionDriver;
} {
  const outcomes: string[] = [];
  const library: Partial<QuicheConnection> = {
    recv: (datagram) => datagram.length,
    send: () => null,
    timeout: () => 100,
    close: () => undefined,
    isEstablished: () => true,
    isDraining: () => true,
    isClosed: () => false,
    isTimedOut: () => false,
    applicationProto: () => Buffer.from('nnrp/1'),
    peerCertChain: () => null,
    peerError: () => null,
    localError: () => null,
    streamReadable: () => false,
    streamSend: (_stream, bytes) => bytes.length,
    pathEventNext: () => null,
    ...end,
  };
  const nothing = () => {};
  const socket = { out: Buffer.alloc(2000), send: nothing };
  const endpoint = {
    socket,
    add: nothing,
    remove: nothing,
    retire: nothing,
    route: nothing,
    unroute: nothing,
    readSoon: nothing,
    flushSoon: nothing,
  };
  const parts = {
    endpoint,
    connection: library,
    scid: Buffer.alloc(16),
    peer: { host: '127.0.0.1', port: 4433 },
    local: { host: '127.0.0.1', port: 4434 },
    isClient: true,
    settings: { handshakeTimeoutMs: 10_000, idleTimeoutMs: 10_000, keepAliveMs: 0 },
    verifyPeer: () => undefined,
    connected: () => outcomes.push('connected'),
    failed: (error: Error) => outcomes.push(error.message),
  };
  return { outcomes, connection: new QuicheConnectionDriver(parts as unknown as ConnectionParts) };
}

// Nobody can listen to the errors of a stream in the turn that it is made in: an error in that turn would end the process.
describe('a server that ends a connection together with its last word of the handshake', () => {
  it('has refused it', () => {
    const { outcomes, connection } = establishedAndOver({ peerError: () => ({ isApp: true, errorCode: 5, reason }) });
    connection.read();
    expect(outcomes).toEqual([expect.stringMatching(/the peer refuses: .*0x5/)]);
  });

  it('has refused it also in good order', () => {
    const { outcomes, connection } = establishedAndOver({ peerError: () => ({ isApp: true, errorCode: 0, reason }) });
    connection.read();
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toContain('the peer has ended the connection during the handshake');
  });

  it('is refused itself when that broke a rule', () => {
    const { outcomes, connection } = establishedAndOver({
      localError: () => ({ isApp: false, errorCode: 5, reason }),
      recv: () => {
        throw new Error('InvalidStreamState');
      },
    });
    connection.receive(Buffer.alloc(30, 0x40), { address: '127.0.0.1', port: 4433, family: 'IPv4', size: 30 });
    connection.read();
    expect(outcomes).toEqual([expect.stringContaining('the peer is refused')]);
  });
});

describe('a datagram of thousands of packets', () => {
  it('is handed to the library in a few pieces', () => {
    let pieces = 0;
    const { outcomes, connection } = establishedAndOver({
      isDraining: () => false,
      recv: (bytes) => {
        pieces++;
        return bytes.length;
      },
    });
    connection.read();
    expect(outcomes).toEqual(['connected']);
    const datagram = tinyPackets(Buffer.alloc(16));
    connection.receive(datagram, { address: '127.0.0.1', port: 4433, family: 'IPv4', size: datagram.length });
    expect(pieces).toBe(4);
    connection.end();
  });
});
