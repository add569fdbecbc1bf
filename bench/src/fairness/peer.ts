import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Packet, PacketSplitter } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { type Fields, openPacket } from './packets.js';

const { MessageType } = preview3;
const OPEN_OFFSETS = { sessionId: 0 } as const;

/** What attacking connections have done together. */
export class Tally {
  packets = 0;
  bytes = 0;
  /** Packets that came back, where they are read as packets. */
  answers = 0;
  connections = 0;
}

/** One attacking connection: a socket and the bytes that it likes, nothing of what a client keeps. */
export class Peer {
  isOver = false;
  /** What is done with a packet that has come. */
  onPacket: (packet: Packet) => void = () => {};
  private readonly splitter = new PacketSplitter();
  private wake: () => void = () => {};

  private constructor(
    readonly socket: Socket,
    private readonly tally: Tally,
  ) {
    socket.on('data', (chunk: Buffer) => {
      this.splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      for (let packet = this.splitter.next(); packet !== undefined; packet = this.splitter.next()) {
        tally.answers++;
        this.onPacket(packet);
      }
    });
    // How it ends does not matter: the attacker goes on with another connection.
    socket.on('error', () => {});
    socket.on('drain', () => this.wake());
    socket.on('close', () => {
      this.isOver = true;
      this.wake();
    });
  }

  /** @returns undefined when there is no connection to be had */
  static connect(port: number, tally: Tally): Promise<Peer | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
        tally.connections++;
        socket.off('error', refused);
        resolve(new Peer(socket, tally));
      });
      const refused = () => resolve(undefined);
      socket.once('error', refused);
    });
  }

  /** @param packets - how many of them the bytes are */
  send(bytes: Uint8Array, packets = 1): void {
    if (this.isOver) return;
    this.tally.packets += packets;
    this.tally.bytes += bytes.length;
    this.socket.write(bytes);
  }

  /** Resolves when the socket takes more, or is over. */
  async writable(): Promise<void> {
    while (!this.isOver && this.socket.writableNeedDrain) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Resolves when everything that was sent is in the hands of the kernel, or the connection is over. */
  flushed(bytes: Uint8Array, packets: number): Promise<void> {
    if (this.isOver) return Promise.resolve();
    this.tally.packets += packets;
    this.tally.bytes += bytes.length;
    return new Promise((resolve) => {
      this.socket.write(bytes, (error) => {
        // A socket that has ended says so within the turn, again and again, before it is closed.
        if (error) this.isOver = true;
        resolve();
      });
    });
  }

  /**
   * Opens sessions, many in one write; those that the server refuses are left out.
   *
   * @param fields - what SESSION_OPEN says besides
   */
  async openSessions(count: number, fields: Fields = {}): Promise<number[]> {
    const ids: number[] = [];
    let answers = 0;
    this.onPacket = (packet) => {
      if (packet.messageType !== MessageType.SessionOpenAck) return;
      answers++;
      const id = packet.view.getUint32(packet.start + 40 + OPEN_OFFSETS.sessionId, true);
      if (id !== 0) ids.push(id);
      this.wake();
    };
    this.send(Buffer.concat(Array.from({ length: count }, () => openPacket(fields))), count);
    while (!this.isOver && answers < count) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    this.onPacket = () => {};
    return ids;
  }

  /** @param milliseconds - after them, or when the connection is over */
  async rest(milliseconds: number): Promise<void> {
    if (!this.isOver) await sleep(milliseconds);
  }

  /** Resolves when the connection is over. */
  async ended(): Promise<void> {
    while (!this.isOver) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  destroy(): void {
    this.socket.resetAndDestroy();
    this.isOver = true;
    this.wake();
  }
}
