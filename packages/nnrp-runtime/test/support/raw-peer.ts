import type { Duplex } from 'node:stream';
import { type Packet, PacketSplitter } from 'nnrp-core';
import { AsyncQueue } from '../../src/base/queues/async-queue.js';
import { within } from '../../src/testing/within.js';
import { carrier } from './carrier.js';
import { openAck, openBytes } from './wire-packets.js';

/** Milliseconds that any single wait of a test may take. */
export const PATIENCE_MS = 10_000;

/** A peer that puts any bytes on the wire, and reads packets one by one: a bare connection and a splitter. */
export class RawPeer {
  /** Everything received so far, taken or not. */
  readonly received: Packet[] = [];
  private readonly waiting = new AsyncQueue<Packet>();
  private readonly splitter = new PacketSplitter();
  private readonly whenClosed: Promise<void>;

  private constructor(readonly socket: Duplex) {
    socket.on('data', (chunk: Buffer) => {
      this.splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      for (let packet = this.splitter.next(); packet !== undefined; packet = this.splitter.next()) {
        this.received.push(packet);
        this.waiting.push(packet);
      }
    });
    // How a connection ends is not what these tests are about; that it ends is.
    socket.on('error', () => {});
    this.whenClosed = new Promise((resolve) => socket.once('close', () => resolve()));
    void this.whenClosed.then(() => this.waiting.end(new Error('the other side has closed the connection')));
  }

  /** @param address - HOST:PORT */
  static async connect(address: string): Promise<RawPeer> {
    return new RawPeer(await carrier.dial(address));
  }

  /** The other way round: a connection that a test has accepted. */
  static over(socket: Duplex): RawPeer {
    return new RawPeer(socket);
  }

  /** Sends parts as one write. */
  send(...parts: Uint8Array[]): void {
    this.socket.write(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts));
  }

  /** The next packet; rejects when none comes, or the other side closes first. */
  next(what = 'a packet'): Promise<Packet> {
    return within(this.waiting.next(), PATIENCE_MS, what);
  }

  /** Opens a session. @throws Error when it is not granted under this id */
  async open(requestedSessionId: number): Promise<void> {
    this.send(openBytes({ requestedSessionId }));
    const { sessionId } = openAck(await this.next('SESSION_OPEN_ACK'));
    if (sessionId !== requestedSessionId) throw new Error(`asked for session ${requestedSessionId}, got ${sessionId}`);
  }

  /** Resolves when the connection is over. */
  closed(): Promise<void> {
    return within(this.whenClosed, PATIENCE_MS, 'the server to close the connection');
  }

  /** Vanishes: the connection ends in order, but in the middle of anything. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Vanishes in disorder. */
  reset(): void {
    carrier.reset(this.socket);
  }
}
