import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { type Packet, PacketSplitter } from 'nnrp-core';
import { wireBytes } from './wire-messages.js';

/** The sender of a packet: the side under test (`ours`), or the socket of the case that talks to it. */
export type Speaker = 'ours' | 'theirs';

/** What becomes of a packet on its way: the bytes to pass on instead of it, none at all, or itself. */
export type Lie = (packet: Packet, speaker: Speaker) => readonly Uint8Array[];

/**
 * Stands between a client and a server and changes what they say to each other, so that the server looks broken. It
 * serves one purpose: to show that a check can fail.
 */
export class LyingProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly listener: Server,
    /** HOST:PORT to connect to instead of the server. */
    readonly address: string,
  ) {}

  /**
   * @param target - HOST:PORT of the server
   * @param under - which of the two sides is the one under test
   */
  static async before(target: string, under: 'client' | 'server', lie: Lie): Promise<LyingProxy> {
    const listener = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as { port: number };
    const proxy = new LyingProxy(listener, `127.0.0.1:${port}`);
    const [host = '', targetPort] = target.split(':');
    listener.on('connection', (client) => {
      const server = createConnection({ host, port: Number(targetPort), noDelay: true });
      proxy.pass(client, server, (packet) => lie(packet, under === 'client' ? 'ours' : 'theirs'));
      proxy.pass(server, client, (packet) => lie(packet, under === 'server' ? 'ours' : 'theirs'));
    });
    return proxy;
  }

  close(): void {
    this.listener.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private pass(from: Socket, to: Socket, change: (packet: Packet) => readonly Uint8Array[]): void {
    const splitter = new PacketSplitter();
    this.sockets.add(from);
    from.on('error', () => {});
    from.on('close', () => {
      this.sockets.delete(from);
      to.end();
    });
    from.on('data', (chunk: Buffer) => {
      splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) {
        for (const bytes of change(packet)) to.write(bytes);
      }
      // What is no packet any more goes on as it came: the receiver is to see it.
      if (splitter.fault !== undefined) to.write(chunk);
    });
  }
}

/** Passes everything on as it is. */
export const NO_LIE: Lie = (packet) => [wireBytes(packet)];
