import { describe, expect, it } from 'vitest';
import { Happened, type Loss } from '../../src/module/module-facts.js';
import type { QuinnModule } from '../../src/module/quinn-module.js';
import { ConnectionDriver } from '../../src/quinn/connection-driver.js';
import type { ConnectionParts } from '../../src/quinn/connection-parts.js';
import { firstPackets } from '../../src/udp/coalesced-packets.js';
import { tinyPackets } from './tiny-packets.js';

const ID_BYTES = 16;
const HEADER_BYTES = 6 + ID_BYTES + 2;

/** A client's connection on which a handshake and an end have come in the same turn, with nothing of it real. */
function establishedAndOver(loss: Loss): string[] {
  const outcomes: string[] = [];
  const library: Partial<QuinnModule> = {
    happened: () => Happened.Connected | Happened.Lost,
    lost: () => loss,
    transmit: () => 0,
    timeoutMs: () => 100,
    close: () => {},
    openStream: () => true,
    alpn: () => 'nnrp/1',
    peerCertificate: () => undefined,
    peerIdleTimeoutMs: () => 0,
    forget: () => {},
  };
  const nothing = () => {};
  const endpoint = { add: nothing, remove: nothing, retire: nothing, readSoon: nothing, flushSoon: nothing };
  const parts = {
    endpoint,
    module: library,
    index: 0,
    peer: { host: '127.0.0.1', port: 4433 },
    isClient: true,
    settings: { handshakeTimeoutMs: 10_000, idleTimeoutMs: 10_000, keepAliveMs: 0 },
    connected: () => outcomes.push('connected'),
    failed: (error: Error) => outcomes.push(error.message),
  };
  const connection = new ConnectionDriver(parts as unknown as ConnectionParts);
  connection.read();
  connection.end();
  return outcomes;
}

// Nobody can listen to the errors of a stream in the turn that it is made in: an error in that turn would end the process.
describe('a server that ends a connection together with its last word of the handshake', () => {
  it('has refused it', () => {
    const outcomes = establishedAndOver({ kind: 1, code: 5, text: 'no' });
    expect(outcomes).toEqual([expect.stringMatching(/the peer refuses: .*0x5/)]);
  });

  it('has refused it also in good order', () => {
    const outcomes = establishedAndOver({ kind: 1, code: 0, text: 'no' });
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]).toContain('the peer has ended the connection during the handshake');
  });

  it('is refused itself when that broke a rule', () => {
    const outcomes = establishedAndOver({ kind: 3, code: 5, text: 'no' });
    expect(outcomes).toEqual([expect.stringContaining('the peer is refused')]);
  });
});

describe('a datagram of thousands of packets', () => {
  it('is handed to the library without most of them', () => {
    const datagram = tinyPackets(Buffer.alloc(ID_BYTES));
    expect(datagram.length).toBeGreaterThan(60_000);
    // The first has a length of its own, the others are of eight bytes.
    expect(firstPackets(datagram).length).toBeLessThanOrEqual(HEADER_BYTES + 3 * 8);
    const short = Buffer.alloc(1000, 0x40);
    expect(firstPackets(short)).toBe(short);
  });
});
