import type { Socket } from 'node:net';

/** What no server counts any more: a peer that comes back as fast as it is refused would hold as many as it likes. */
const MOST = 256;

/** Sockets of connections that are over, while their peers take the close frame: the oldest gives way to the next one. */
export class LingeringSockets {
  private readonly sockets = new Set<Socket>();

  add(socket: Socket): void {
    if (this.sockets.size >= MOST) {
      const [oldest] = this.sockets;
      if (oldest !== undefined) this.sockets.delete(oldest);
      oldest?.destroy();
    }
    this.sockets.add(socket);
  }

  delete(socket: Socket): void {
    this.sockets.delete(socket);
  }
}
