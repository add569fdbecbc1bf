import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseAddress } from 'nnrp-runtime/transport';
import { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';
import type { PacketCapture } from '../support/packet-capture.js';

const VERSION_1 = 1;
/** First bytes of long headers of version 1. */
const INITIAL = 0xc3;
const HANDSHAKE = 0xe3;
const ID_BYTES = 16;
const MAX_UDP_PAYLOAD_BYTES = 65_507;

/** Sends to a server whatever may hurt it, from several sockets. */
export class Attacker {
  /** Bytes of the longest version negotiation, and of the longest Retry that came back. */
  longestNegotiation = 0;
  longestRetry = 0;
  answers = 0;
  private next = 0;

  private constructor(
    private readonly sockets: readonly Socket[],
    private readonly host: string,
    private readonly port: number,
    private readonly captured: PacketCapture,
    private readonly dice: Dice,
  ) {
    for (const socket of sockets) socket.on('message', (answer) => this.answered(answer));
  }

  /** @param server - HOST:PORT on 127.0.0.1 */
  static async against(server: string, captured: PacketCapture, seed: number, sockets = 8): Promise<Attacker> {
    const { host, port } = parseAddress(server);
    const opened = Array.from({ length: sockets }, () => createSocket('udp4'));
    for (const socket of opened) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    return new Attacker(opened, host, port, captured, new Dice(seed));
  }

  /** Sends so many datagrams of every kind there is, without overrunning the server's socket. */
  async send(count: number, make: () => Buffer = () => this.anything()): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      this.next = (this.next + 1) % this.sockets.length;
      this.sockets[this.next]?.send(make(), this.port, this.host);
      if (sent % 16 === 15) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): void {
    for (const socket of this.sockets) socket.close();
  }

  anything(): Buffer {
    const { dice } = this;
    const roll = dice.below(100);
    if (roll < 10) return dice.bytes(dice.below(64));
    if (roll < 15) return this.garbage(20 + dice.below(1400));
    if (roll < 17) return this.garbage(MAX_UDP_PAYLOAD_BYTES - dice.below(1000));
    if (roll < 27) return this.spoofed();
    if (roll < 32) return this.foreignVersion();
    if (roll < 35) return this.initial(dice.below(40));
    if (roll < 37) return this.initialWithToken(dice.below(200));
    if (roll < 45) return this.real();
    if (roll < 75) return this.mutated();
    if (roll < 85) return this.truncated();
    if (roll < 95) return Buffer.concat([this.mutated(), this.real()]).subarray(0, MAX_UDP_PAYLOAD_BYTES);
    return this.padded();
  }

  /** A long header of an unknown version, sometimes too small for an answer. */
  foreignVersion(): Buffer {
    const { dice } = this;
    const datagram = this.longHeader(0x80 | dice.below(128), 1 + dice.below(0x7fffffff), dice.below(21));
    return dice.percent(50) ? datagram : datagram.subarray(0, 30 + dice.below(1100));
  }

  /** An Initial that cannot be decrypted, for an unknown id. */
  initial(dcidBytes = 8 + this.dice.below(13)): Buffer {
    return this.longHeader(INITIAL, VERSION_1, dcidBytes);
  }

  /** The same with a token that the server has not made. */
  initialWithToken(tokenBytes: number): Buffer {
    const datagram = this.initial(16);
    // Behind both ids: the length of the token, in two bytes.
    datagram.writeUInt16BE(0x4000 | tokenBytes, 6 + 16 + 1 + 8);
    return datagram;
  }

  /** A packet to a connection that is there, encrypted by another client. */
  spoofed(): Buffer {
    const { dice } = this;
    const datagram = this.garbage(21 + dice.below(1300));
    const id = this.liveId();
    if (dice.percent(60)) {
      datagram[0] = 0x40 | dice.below(64);
      id.copy(datagram, 1);
      return datagram;
    }
    datagram[0] = dice.percent(50) ? INITIAL : HANDSHAKE;
    if (datagram.length < 6 + ID_BYTES) return datagram;
    datagram.writeUInt32BE(dice.percent(80) ? VERSION_1 : dice.below(0xffffffff), 1);
    datagram[5] = ID_BYTES;
    id.copy(datagram, 6);
    return datagram;
  }

  private liveId(): Buffer {
    return this.pick(this.captured.oneRtt).subarray(1, 1 + ID_BYTES);
  }

  /** A packet that the server has had before, or sent itself. */
  private real(): Buffer {
    const { initials, handshakes, oneRtt, fromServer } = this.captured;
    return Buffer.from(this.pick(this.pick([initials, handshakes, oneRtt, fromServer])));
  }

  private mutated(): Buffer {
    const { dice } = this;
    const datagram = this.real();
    for (let flips = 1 + dice.below(8); flips > 0; flips--) {
      // Half of them in the header, where they do most.
      const index = dice.below(dice.percent(50) ? Math.min(48, datagram.length) : datagram.length);
      datagram[index] = (datagram[index] as number) ^ (1 << dice.below(8));
    }
    return datagram;
  }

  private truncated(): Buffer {
    const datagram = this.real();
    return datagram.subarray(0, this.dice.below(datagram.length));
  }

  private padded(): Buffer {
    return Buffer.concat([this.real(), this.dice.bytes(this.dice.below(1000))]);
  }

  private longHeader(first: number, version: number, dcidBytes: number): Buffer {
    const datagram = this.garbage(1200 + this.dice.below(150));
    datagram[0] = first;
    datagram.writeUInt32BE(version, 1);
    datagram[5] = dcidBytes;
    datagram[6 + dcidBytes] = 8;
    // No token.
    datagram[6 + dcidBytes + 1 + 8] = 0;
    return datagram;
  }

  /** Cheap noise: where it begins is all that changes. */
  private garbage(bytes: number): Buffer {
    const from = this.dice.below(NOISE.length - bytes);
    return Buffer.from(NOISE.subarray(from, from + bytes));
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.dice.below(list.length)] as T;
  }

  private answered(answer: Buffer): void {
    this.answers++;
    if (((answer[0] as number) & 0x80) === 0) return;
    if (answer.readUInt32BE(1) === 0) this.longestNegotiation = Math.max(this.longestNegotiation, answer.length);
    else if (((answer[0] as number) & 0xf0) === 0xf0) this.longestRetry = Math.max(this.longestRetry, answer.length);
  }
}

const NOISE = new Dice(7).bytes(4 * MAX_UDP_PAYLOAD_BYTES);
