import type { Socket } from 'node:net';
import { aside, type Guarded, listen, nextTurn } from '../../base/guard.js';
import { formatAddress } from '../address/address.js';
import type { ListenerBound, ListenerBoundName } from '../contract/contract.js';
import type { Stranger, Strangers } from './strangers.js';
import { WaitingConnections } from './waiting-connections.js';

/** Connections that may wait for others to have had their time; of more, one that has waited longest is cut. */
const MAX_WAITING = 1024;
/** Milliseconds after which it is looked whether they have. */
const LOOK_AGAIN_MS = 50;

/**
 * Connections that have come when there were as many strangers as there may be. Each of those has its time first, for as long
 * as others wait: otherwise of many honest clients that come at once each would cut the handshake of another.
 */
export class WaitingLine<S extends Stranger> {
  private readonly connections = new WaitingConnections();
  /** In the next turn, since there may be room. */
  private willLook = false;
  /** After a while, since some may have had their time. */
  private looksAgain = false;
  private lookedMs = 0;
  /** Told of each that was cut for another one. */
  onBoundHit: ((name: ListenerBoundName) => void) | undefined;

  /**
   * @param name - of its bound, in the stats of a server
   * @param cut - told of more than may wait: by its address, of one that has waited longest and is cut
   */
  constructor(
    private readonly owner: Guarded,
    private readonly strangers: Strangers<S>,
    private readonly name: ListenerBoundName,
    private readonly cut: (address: string) => void,
  ) {}

  get bound(): ListenerBound {
    const { name, connections } = this;
    return { name, scope: 'server', bound: MAX_WAITING, value: () => connections.size };
  }

  /**
   * @param connection - of which nothing has been read; it waits no more when it closes
   * @param begin - makes it one of the strangers, when its turn has come
   */
  add(connection: Socket, group: string | undefined, begin: () => void): void {
    const oldest = this.connections.size < MAX_WAITING ? undefined : this.connections.nextToGoFor(group);
    if (oldest !== undefined) {
      this.onBoundHit?.(this.name);
      this.connections.delete(oldest);
      const { remoteAddress = 'unknown', remotePort = 0 } = oldest;
      oldest.destroy();
      this.cut(formatAddress(remoteAddress, remotePort));
    }
    listen(this.owner, connection, 'error', () => {});
    listen(this.owner, connection, 'close', () => this.connections.delete(connection));
    // A peer that ends before it has sent anything is dropped: what takes the connection later would not hear of that end.
    listen(this.owner, connection, 'end', () => {
      if (this.connections.delete(connection)) connection.destroy();
    });
    if (this.connections.size === 0) this.lookedMs = performance.now();
    this.connections.add(connection, group, begin);
    this.lookSoon();
    this.lookAgain();
  }

  /**
   * There may be room. It is looked for in the next turn: what has freed a place may take it again, and what others have sent is
   * read first.
   */
  lookSoon(): void {
    if (this.willLook || this.connections.size === 0) return;
    this.willLook = true;
    nextTurn(this.owner, () => {
      this.willLook = false;
      this.look();
    });
  }

  /** Cuts all of them; nothing is told. */
  close(): void {
    for (const connection of [...this.connections]) {
      this.connections.delete(connection);
      connection.destroy();
    }
  }

  private lookAgain(): void {
    if (this.looksAgain || this.connections.size === 0) return;
    this.looksAgain = true;
    aside(this.owner, LOOK_AGAIN_MS, () => {
      this.looksAgain = false;
      this.look();
      this.lookAgain();
    });
  }

  private look(): void {
    const nowMs = performance.now();
    // A crowd that is accepted in one go keeps the server from reading what those under way have sent.
    const lateMs = nowMs - this.lookedMs - 2 * LOOK_AGAIN_MS;
    if (lateMs > 0) this.strangers.stoodStill(lateMs);
    this.lookedMs = nowMs;
    let began: boolean;
    do {
      began = false;
      for (const group of [...this.connections.groups]) {
        const begin = this.strangers.mayBegin(group) ? this.connections.takeNewestOf(group) : undefined;
        if (begin === undefined) continue;
        began = true;
        begin();
      }
    } while (began);
  }
}
