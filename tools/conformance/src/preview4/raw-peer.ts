import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { bytesOf } from '../golden-vectors.js';

/** The hello of the reference client with its defaults: metadata of 64 bytes. */
const HELLO = `01010100030000007300000000000000000000000000000000000000000000000000000001000000000000000000f401${'00'.repeat(16)}`;

/** A packet as it came. */
export interface RawPacket {
  readonly type: number;
  readonly sessionId: number;
  readonly metadata: Buffer;
  readonly body: Buffer;
}

/** A socket that speaks preview4 from its sheets alone: packets of the connection go out, and whatever comes is read in order. */
export class RawPeer {
  private held: Buffer = Buffer.alloc(0);
  private readonly came: RawPacket[] = [];
  private isOver = false;
  private wake: () => void = () => {};

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => this.read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isOver = true;
      this.wake();
    });
  }

  /** Connects, and says hello. @param address - HOST:PORT */
  static async greeted(address: string): Promise<RawPeer> {
    const { hostname, port } = new URL(`tcp://${address}`);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    const peer = new RawPeer(socket);
    peer.send(0x01, Buffer.from(bytesOf(HELLO)));
    await peer.get(0x02);
    return peer;
  }

  /** Sends a packet of the connection. */
  send(type: number, metadata: Uint8Array, body: Uint8Array = new Uint8Array(0)): void {
    const header = Buffer.alloc(40);
    header.write('NNRP', 'latin1');
    header.set([1, 0, type, 40], 4);
    header.writeUInt32LE(metadata.length, 12);
    header.writeUInt32LE(body.length, 16);
    this.socket.write(Buffer.concat([header, metadata, body]));
  }

  /** The next packet. @throws Error when it is of another type, when the connection ends, or when 10 seconds have passed */
  async get(type: number): Promise<RawPacket> {
    const signal = AbortSignal.timeout(10_000);
    while (this.came.length === 0 && !this.isOver) {
      await new Promise<void>((resolve, reject) => {
        this.wake = resolve;
        signal.addEventListener('abort', () => reject(new Error(`no packet of type ${type} in 10 s`)), { once: true });
      });
    }
    const packet = this.came.shift();
    if (packet?.type !== type) throw new Error(`expected a packet of type ${type}, got ${packet?.type ?? 'the end'}`);
    return packet;
  }

  /** Ends the connection without more ado. */
  end(): void {
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.held = Buffer.concat([this.held, chunk]);
    for (;;) {
      if (this.held.length < 40) break;
      const metadataEnd = 40 + this.held.readUInt32LE(12);
      const end = metadataEnd + this.held.readUInt32LE(16);
      if (this.held.length < end) break;
      this.came.push({
        type: this.held.readUInt8(6),
        sessionId: this.held.readUInt32LE(20),
        metadata: this.held.subarray(40, metadataEnd),
        body: this.held.subarray(metadataEnd, end),
      });
      this.held = this.held.subarray(end);
    }
    this.wake();
  }
}
