import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Packet, PacketSplitter } from 'nnrp-core';
import type { FramedTransport } from 'nnrp-runtime/transport';

/** One end of a connection in hostile hands: any bytes go in, and what the attacked side says comes out. */
export interface Wire {
  /** Whether the attacked side has ended the connection, or we have. */
  readonly isOver: boolean;
  /** Packets that have come since the last call. */
  take(): Packet[];
  /** @param cuts - where the bytes are divided */
  write(bytes: Uint8Array, cuts?: readonly number[]): void;
  end(): void;
  reset(): void;
  destroy(): void;
}

/** Packets that are kept until they are taken; a flood of answers is not what this is about. */
const MAX_KEPT = 256;

/** Bytes over a stream. */
export class StreamWire implements Wire {
  isOver = false;
  private kept: Packet[] = [];
  private readonly splitter = new PacketSplitter();

  constructor(private readonly stream: Duplex) {
    stream.on('data', (chunk: Buffer) => {
      this.splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      for (let packet = this.splitter.next(); packet !== undefined; packet = this.splitter.next()) {
        if (this.kept.length < MAX_KEPT) this.kept.push(packet);
      }
    });
    // How it ends does not matter; that it ends does.
    stream.on('error', () => {});
    stream.on('end', () => stream.end());
    stream.on('close', () => {
      this.isOver = true;
    });
  }

  take(): Packet[] {
    const packets = this.kept;
    this.kept = [];
    return packets;
  }

  write(bytes: Uint8Array, cuts: readonly number[] = []): void {
    if (this.stream.destroyed || this.stream.writableEnded) return;
    let start = 0;
    for (const cut of [...cuts, bytes.length]) {
      if (cut > start && cut <= bytes.length) this.stream.write(bytes.slice(start, cut));
      start = Math.max(start, cut);
    }
  }

  end(): void {
    this.stream.end();
  }

  reset(): void {
    // A socket under TLS has the method, too, and throws.
    if (this.stream instanceof Socket && !('encrypted' in this.stream)) this.stream.resetAndDestroy();
    else this.stream.destroy();
    this.isOver = true;
  }

  destroy(): void {
    this.stream.destroy();
    this.isOver = true;
  }
}

/**
 * Whole packets: a transport of packets never delivers anything else. Bytes that are none would have ended the connection
 * on the way.
 */
export class PacketWire implements Wire {
  isOver = false;
  private kept: Packet[] = [];
  private readonly splitter: PacketSplitter;

  /** @param maxPacketBytes - a packet that says it is longer ends the connection */
  constructor(
    private readonly transport: FramedTransport,
    maxPacketBytes: number,
  ) {
    this.splitter = new PacketSplitter({ maxPacketBytes });
    transport.start({
      packet: (packet) => {
        if (this.kept.length < MAX_KEPT) this.kept.push(packet);
      },
      broken: () => this.destroy(),
      drained: () => {},
      closed: () => {
        this.isOver = true;
      },
    });
  }

  take(): Packet[] {
    const packets = this.kept;
    this.kept = [];
    return packets;
  }

  write(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.splitter.push(bytes.slice());
    for (let packet = this.splitter.next(); packet !== undefined; packet = this.splitter.next()) {
      const head = packet.bytes.subarray(packet.start, packet.start + packet.byteLength - packet.bodyLength);
      this.transport.send({
        headBytes: head.length,
        body: packet.body,
        writeHead: (view, start) => new Uint8Array(view.buffer, view.byteOffset + start, head.length).set(head),
      });
    }
    if (this.splitter.fault !== undefined) this.destroy();
  }

  end(): void {
    this.transport.close().catch(() => {});
  }

  reset(): void {
    this.destroy();
  }

  destroy(): void {
    this.transport.abort();
    this.isOver = true;
  }
}
