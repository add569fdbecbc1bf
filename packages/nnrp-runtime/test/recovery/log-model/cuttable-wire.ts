import { Duplex } from 'node:stream';
import { type NnrpError, type Packet, PacketSplitter } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { AsyncQueue } from '../../../src/base/queues/async-queue.js';
import type { FramedListener, FramedTransport } from '../../../src/transport/contract/contract.js';
import { StreamTransport } from '../../../src/transport/stream/stream-transport.js';

/** A connection in memory on which each side gets what the test lets through, packet by packet, and the rest is lost. */
export class CuttableWire {
  /** What the server has sent and the peer has not got. */
  readonly toPeer: Packet[] = [];
  /** What the peer has sent and the server has not got. */
  readonly toServer: { readonly bytes: Uint8Array; readonly kind: 'session' | 'pong' | 'open' }[] = [];
  /** The peer has SESSION_OPEN_ACK. */
  isGranted = false;
  /** The server has got a packet of the session over this connection; or a PONG. */
  isProved = false;
  mayBeProved = false;
  /** Where the peer stood when each PING came that it has answered, oldest first. */
  readonly fences: number[] = [];
  private readonly splitter = new PacketSplitter();
  private readonly stream: Duplex;

  constructor(listener: WireListener) {
    this.stream = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        this.splitter.push(new Uint8Array(chunk));
        for (let packet = this.splitter.next(); packet !== undefined; packet = this.splitter.next()) {
          this.toPeer.push(packet);
        }
        done();
      },
    });
    this.stream.on('error', () => {});
    listener.offer(new StreamTransport(this.stream, { kind: 'memory', remoteAddress: 'memory:peer' }));
  }

  /** The server has ended it. */
  get isOver(): boolean {
    return this.stream.destroyed || this.stream.writableEnded;
  }

  /** The next packet of the peer gets to the server. */
  pass(): 'session' | 'pong' | 'open' | undefined {
    const next = this.toServer.shift();
    if (next === undefined || this.isOver) return undefined;
    this.stream.push(next.bytes);
    return next.kind;
  }

  /** Half of the next packet gets to the server. */
  passHalf(): void {
    const next = this.toServer.shift();
    if (next !== undefined && !this.isOver) this.stream.push(next.bytes.subarray(0, next.bytes.length >> 1));
  }

  /** What is under way is lost. */
  cut(): void {
    this.stream.destroy(new Error('cut'));
    this.toServer.length = 0;
    this.toPeer.length = 0;
  }

  /** The acknowledgement that is under way, whether or not the peer will get it. */
  get answer(): Packet | undefined {
    return this.toPeer.find(({ messageType }) => messageType === MessageType.SessionOpenAck);
  }
}

/** Hands the server its ends of wires. */
export class WireListener implements FramedListener {
  readonly kind = 'memory';
  readonly address = 'memory';
  private readonly waiting = new AsyncQueue<FramedTransport>();

  offer(transport: FramedTransport): void {
    this.waiting.push(transport);
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  async close(error?: NnrpError): Promise<void> {
    this.waiting.end(error ?? new Error('closed'));
  }
}
