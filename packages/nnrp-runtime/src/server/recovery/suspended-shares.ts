import { addressGroup } from '../../transport/address/address-group.js';
import type { SessionPort } from './session-port.js';

/** The suspended sessions of one address, oldest first. */
interface Share {
  readonly group: string;
  readonly ports: Map<SessionPort, number>;
  bytes: number;
}

/** What the suspended sessions of a server take, by address: who has most gives first when there is too much. */
export class SuspendedShares {
  /** Bytes that are kept for all. */
  byteLength = 0;
  private readonly shares = new Map<string, Share>();
  private readonly homes = new Map<SessionPort, Share>();

  add(port: SessionPort): void {
    const group = addressGroup(port.remoteAddress) ?? '';
    let share = this.shares.get(group);
    if (share === undefined) {
      share = { group, ports: new Map(), bytes: 0 };
      this.shares.set(group, share);
    }
    share.ports.set(port, 0);
    this.homes.set(port, share);
  }

  count(port: SessionPort, bytes: number): void {
    const share = this.homes.get(port);
    if (share === undefined) return;
    share.ports.set(port, (share.ports.get(port) ?? 0) + bytes);
    share.bytes += bytes;
    this.byteLength += bytes;
  }

  delete(port: SessionPort): void {
    const share = this.homes.get(port);
    if (share === undefined) return;
    const bytes = share.ports.get(port) ?? 0;
    this.homes.delete(port);
    share.ports.delete(port);
    share.bytes -= bytes;
    this.byteLength -= bytes;
    if (share.ports.size === 0) this.shares.delete(share.group);
  }

  /** The oldest session of the address that has most sessions. */
  oldestOfMost(): SessionPort | undefined {
    return first(this.largest(({ ports }) => ports.size));
  }

  /** The oldest session that holds anything of the address that holds most. */
  oldestOfLargest(): SessionPort | undefined {
    const share = this.largest(({ bytes }) => bytes);
    for (const [port, bytes] of share?.ports ?? []) if (bytes > 0) return port;
    return first(share);
  }

  private largest(size: (share: Share) => number): Share | undefined {
    let largest: Share | undefined;
    for (const share of this.shares.values()) if (largest === undefined || size(share) > size(largest)) largest = share;
    return largest;
  }
}

function first(share: Share | undefined): SessionPort | undefined {
  for (const port of share?.ports.keys() ?? []) return port;
  return undefined;
}
