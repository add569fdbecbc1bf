import { describe, expect, it, vi } from 'vitest';
import { Happened, type Loss } from '../../src/module/module-facts.js';
import type { QuinnModule } from '../../src/module/quinn-module.js';
import { ConnectionDriver } from '../../src/quinn/connection-driver.js';
import type { ConnectionParts } from '../../src/quinn/connection-parts.js';
import { firstPackets } from '../../src/udp/coalesced-packets.js';
import { tinyPackets } from './tiny-packets.js';

const ID_BYTES = 16;
const HEADER_BYTES = 6 + ID_BYTES + 2;

/** A client's connection of which nothing is real. @param library - where it differs @param outcomes - what becomes of it */
function connectionOf(library: Partial<QuinnModule>, keepAliveMs: number, outcomes: string[]): ConnectionDriver {
  const nothing = () => {};
  const module: Partial<QuinnModule> = {
    transmit: () => 0,
    timeoutMs: () => 100,
    close: nothing,
    openStream: () => true,
    alpn: () => 'nnrp/1',
    cipher: () => 'TLS_AES_128_GCM_SHA256',
    peerCertificate: () => undefined,
    peerIdleTimeoutMs: () => 0,
    handleTimeout: nothing,
    forget: nothing,
    ...library,
  };
  const endpoint = { add: nothing, remove: nothing, retire: nothing, readSoon: nothing, flushSoon: nothing };
  const parts = {
    endpoint,
    module,
    index: 0,
    peer: { host: '127.0.0.1', port: 4433 },
    isClient: true,
    settings: { handshakeTimeoutMs: 10_000, idleTimeoutMs: 30_000, keepAliveMs },
    connected: () => outcomes.push('connected'),
    failed: (error: Error) => outcomes.push(error.message),
  };
  return new ConnectionDriver(parts as unknown as ConnectionParts);
}

/** One on which a handshake and an end have come in the same turn. */
function establishedAndOver(loss: Loss): string[] {
  const outcomes: string[] = [];
  const library = { happened: () => Happened.Connected | Happened.Lost, lost: () => loss };
  const connection = connectionOf(library, 0, outcomes);
  connection.read();
  connection.end();
  return outcomes;
}

// No code can listen to the errors of a stream in the turn that it is made in: an error in that turn would end the process.
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

it('a server that gives up after a millisecond of silence is not pinged a thousand times a second', async () => {
  vi.useFakeTimers();
  try {
    let pings = 0;
    let happened: number = Happened.Connected;
    const library = {
      happened: () => {
        const bits = happened;
        happened = 0;
        return bits;
      },
      peerIdleTimeoutMs: () => 1,
      ping: () => void pings++,
    };
    const connection = connectionOf(library, 10_000, []);
    connection.read();
    await vi.advanceTimersByTimeAsync(1000);
    connection.end();
    expect(pings).toBe(40);
  } finally {
    vi.useRealTimers();
  }
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
