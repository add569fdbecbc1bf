import type { Socket } from 'node:net';
import { WebSocket } from 'ws';

/** An upgraded socket, and the bytes that came behind the upgrade. */
export interface Upgraded {
  readonly socket: Socket;
  readonly head: Buffer;
}

/**
 * A WebSocket of the library that does the upgrade of a client and then keeps its hands off the socket: the frames are those
 * of this package, since the library hands over a message only when it has all of it in memory.
 *
 * The library calls `setSocket` at this one moment. It says so in no documentation; its version is pinned for that reason,
 * and the tests hold it to it.
 */
export class SocketOnly extends WebSocket {
  /** Set when the upgrade is complete; then the event `open` tells of it. */
  upgraded: Upgraded | undefined;

  setSocket(socket: Socket, head: Buffer): void {
    this.upgraded = { socket, head };
    this.emit('open');
  }
}
