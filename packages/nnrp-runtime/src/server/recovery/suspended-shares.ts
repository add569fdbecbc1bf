import { addressGroup } from '../../transport/address/address-group.js';
import { Ranking } from './ranking.js';
import type { SessionPort } from './session-port.js';

/** The suspended sessions of one address, oldest first. */
interface Share {
  readonly group: string;
  readonly ports: Map<SessionPort, number>;
  /** Those of them that hold anything, in the order in which they began to. */
  readonly holding: Set<SessionPort>;
  bytes: number;
}

/** What the suspended sessions of a server take, by address. When it is too much, the address with the most gives first. */
export class SuspendedShares {
  /** Bytes that are kept for all. */
  byteLength = 0;
  private readonly shares = new Map<string, Share>();
  private readonly homes = new Map<SessionPort, Share>();
  private readonly bySessions = new Ranking<Share>();
  private readonly byBytes = new Ranking<Share>();

  add(port: SessionPort): void {
    const group = addressGroup(port.remoteAddress) ?? '';
    let share = this.shares.get(group);
    if (share === undefined) {
      share = { group, ports: new Map(), holding: new Set(), bytes: 0 };
      this.shares.set(group, share);
    }
    share.ports.set(port, 0);
    this.homes.set(port, share);
    this.rank(share);
  }

  count(port: SessionPort, bytes: number): void {
    const share = this.homes.get(port);
    if (share === undefined) return;
    share.ports.set(port, (share.ports.get(port) ?? 0) + bytes);
    if (bytes > 0) share.holding.add(port);
    share.bytes += bytes;
    this.byteLength += bytes;
    this.rank(share);
  }

  delete(port: SessionPort): void {
    const share = this.homes.get(port);
    if (share === undefined) return;
    const bytes = share.ports.get(port) ?? 0;
    this.homes.delete(port);
    share.ports.delete(port);
    share.holding.delete(port);
    share.bytes -= bytes;
    this.byteLength -= bytes;
    this.rank(share);
    if (share.ports.size === 0) this.shares.delete(share.group);
  }

  /** The oldest session of the address that has most sessions. */
  oldestOfMost(): SessionPort | undefined {
    return first(this.bySessions.first?.ports.keys());
  }

  /** The first session to hold anything of an address that holds most: no other holds twice as much. */
  oldestOfLargest(): SessionPort | undefined {
    return first(this.byBytes.first?.holding);
  }

  private rank(share: Share): void {
    const { ports, bytes } = share;
    if (ports.size > 0) this.bySessions.set(share, ports.size);
    else this.bySessions.delete(share);
    if (bytes > 0) this.byBytes.set(share, Math.floor(Math.log2(bytes)));
    else this.byBytes.delete(share);
  }
}

function first<T>(items: Iterable<T> | undefined): T | undefined {
  for (const item of items ?? []) return item;
  return undefined;
}
