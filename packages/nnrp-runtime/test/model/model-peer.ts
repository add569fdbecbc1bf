import type { Duplex } from 'node:stream';
import { PacketSplitter } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { carrier } from '../support/carrier.js';
import { packetBytes } from '../support/wire-packets.js';
import { PacketLedger } from './model-ledger.js';

/** Milliseconds that a step of the model may wait for something that must happen. */
export const STEP_PATIENCE_MS = 3000;
const PING = packetBytes(preview3.MessageType.Ping);

/** A bare connection of the model: sends any bytes, and enters whatever comes into its ledger. */
export class ModelPeer {
  readonly ledger = new PacketLedger();
  isOver = false;
  private pings = 0;
  private waiters = new Set<() => void>();

  private constructor(private readonly socket: Duplex) {
    const splitter = new PacketSplitter();
    socket.on('data', (chunk: Buffer) => {
      splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) this.ledger.enter(packet);
      this.wake();
    });
    // How it ends is the server's business; that it ends is seen below.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.isOver = true;
      this.wake();
    });
  }

  /** @param address - HOST:PORT */
  static async connect(address: string): Promise<ModelPeer> {
    return new ModelPeer(await carrier.dial(address));
  }

  /** Sends parts as one write. */
  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Sends, and waits until the server has dealt with it: it answers a PING that goes with it. */
  async settle(...parts: Uint8Array[]): Promise<void> {
    const due = ++this.pings;
    this.send(...parts, PING);
    await this.until(() => this.ledger.pongs >= due || this.isOver, 'the server to deal with what was sent');
  }

  /** @throws Error when the condition does not come true in time */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + STEP_PATIENCE_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 20);
        const { waiters } = this;
        function done(): void {
          clearTimeout(timer);
          waiters.delete(done);
          resolve();
        }
        waiters.add(done);
      });
    }
  }

  /** Vanishes in disorder. */
  destroy(): void {
    carrier.reset(this.socket);
  }

  private wake(): void {
    for (const wake of [...this.waiters]) wake();
  }
}
