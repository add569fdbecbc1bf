import type { RemoteInfo } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import type { QuicheConnection } from './binding.js';
import { PeerAddress } from './peer-address.js';

const LOCAL = { host: '10.0.0.1', port: 4433 };
const FIRST = { host: '10.0.0.2', port: 1000 };
const SECOND = { host: '10.0.0.2', port: 2000 };
const THIRD = { host: '10.0.0.3', port: 1000 };

const from = ({ host, port }: { host: string; port: number }): RemoteInfo => ({
  address: host,
  port,
  family: 'IPv4',
  size: 0,
});

/** A connection that has found these addresses proved. */
const finding = (...peers: { host: string; port: number }[]) => {
  const events = peers.flatMap((peer) => [
    { type: 'New', peer },
    { type: 'Validated', peer },
    { type: 'PeerMigrated' },
  ]);
  return { pathEventNext: () => events.shift() ?? null } as unknown as QuicheConnection;
};

const once = (event: object) => {
  const events = [event];
  return () => events.shift() ?? null;
};

describe('the address of a peer', () => {
  it('is the first one, and the library is not asked about it', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    peer.received(from(FIRST));
    peer.follow({} as QuicheConnection);
    expect(peer.path).toEqual({ from: FIRST, to: LOCAL });
    expect(peer.targetOf(FIRST)).toEqual(FIRST);
  });

  it('is told as it is until it is proved, and what the library sends goes where it says', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    peer.received(from(SECOND));
    expect(peer.path).toEqual({ from: SECOND, to: LOCAL });
    peer.follow(finding());
    expect([peer.targetOf(FIRST), peer.targetOf(SECOND)]).toEqual([FIRST, SECOND]);
  });

  it('is told as the first one once it is proved, and what goes to the first one goes there', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    peer.received(from(SECOND));
    peer.follow(finding(SECOND));
    expect(peer.path).toEqual({ from: FIRST, to: LOCAL });
    expect([peer.targetOf(FIRST), peer.targetOf(SECOND)]).toEqual([SECOND, SECOND]);
  });

  it('is proved only if the proof is its own', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    peer.received(from(SECOND));
    peer.received(from(THIRD));
    peer.follow(finding(SECOND));
    expect(peer.path).toEqual({ from: THIRD, to: LOCAL });
    expect(peer.targetOf(FIRST)).toEqual(FIRST);
  });

  it('does not change by what strangers send', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    peer.received(from(SECOND));
    peer.follow(finding(SECOND));
    peer.received(from(THIRD));
    peer.follow(finding());
    expect(peer.path).toEqual({ from: THIRD, to: LOCAL });
    expect(peer.targetOf(FIRST)).toEqual(SECOND);
    peer.received(from(SECOND));
    expect(peer.path).toEqual({ from: FIRST, to: LOCAL });
  });

  it('can be the first one again', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    peer.received(from(SECOND));
    peer.follow(finding(SECOND));
    peer.received(from(FIRST));
    expect(peer.path).toEqual({ from: FIRST, to: LOCAL });
    expect(peer.targetOf(FIRST)).toEqual(FIRST);
  });

  it('keeps its zone, which the library does not know', () => {
    const peer = new PeerAddress({ host: 'fe80::1%eth0', port: 1 }, LOCAL);
    peer.received({ ...from({ host: 'fe80::1%eth0', port: 1 }), family: 'IPv6' });
    expect(peer.path.from).toEqual({ host: 'fe80::1', port: 1 });
    expect(peer.targetOf(peer.path.from)).toEqual({ host: 'fe80::1%eth0', port: 1 });
  });

  it('asks for an answer when it is proved, and when the library has gone back to the first one', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    expect(peer.follow(finding())).toBe(false);
    peer.received(from(SECOND));
    expect(peer.follow(finding())).toBe(false);
    expect(peer.follow(finding(SECOND))).toBe(true);
    expect(peer.follow({ pathEventNext: once({ type: 'PeerMigrated' }) } as unknown as QuicheConnection)).toBe(true);
    expect(peer.follow(finding())).toBe(false);
  });

  it('reads everything that the library has to say', () => {
    const peer = new PeerAddress(FIRST, LOCAL);
    peer.received(from(SECOND));
    const connection = finding(SECOND, THIRD);
    peer.follow(connection);
    expect(connection.pathEventNext()).toBeNull();
  });
});
