import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { type Packet, PacketSplitter } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { CheckFailure } from './checks.js';
import { packetOf } from './wire-messages.js';

const { MessageType } = preview3;

/** A bare socket that sends any bytes and reads packets one by one. It answers nothing by itself, PING excepted where a case wants it. */
export class WirePeer {
  private readonly splitter = new PacketSplitter();
  private readonly packets: Packet[] = [];
  private readonly ended: Promise<void>;
  private isEnded = false;
  /** Whether PINGs of the server are answered, and not seen by the case. */
  answersPings = false;
  private wake: () => void = () => {};

  /** @param patienceMs - how long any single wait may take */
  constructor(
    readonly socket: Socket,
    private readonly patienceMs: number,
  ) {
    socket.on('data', (chunk: Buffer) => {
      this.splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      for (let packet = this.splitter.next(); packet !== undefined; packet = this.splitter.next()) {
        if (this.answersPings && packet.messageType === MessageType.Ping) this.send(packetOf(MessageType.Pong));
        else this.packets.push(packet);
      }
      this.wake();
    });
    // That a connection ends is looked at; how is not.
    socket.on('error', () => {});
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        this.isEnded = true;
        resolve();
        this.wake();
      });
    });
  }

  /** @param address - HOST:PORT */
  static async connect(address: string, patienceMs: number): Promise<WirePeer> {
    const colon = address.lastIndexOf(':');
    const socket = createConnection({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      noDelay: true,
    });
    const peer = new WirePeer(socket, patienceMs);
    await once(socket, 'connect');
    return peer;
  }

  /** Sends the parts as one write. */
  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next packet. @throws CheckFailure when none comes in time, or the connection ends first */
  async next(what: string): Promise<Packet> {
    await this.until(() => this.packets.length > 0 || this.isEnded, what);
    const packet = this.packets.shift();
    if (packet === undefined) throw new CheckFailure(`the connection ended instead of ${what}`);
    return packet;
  }

  /** The next two packets, which must drop a frame and say why before. @throws CheckFailure when they are others */
  async expectExplainedDrop(errorCode: number, sessionId: number, frameId: number): Promise<void> {
    const error = await this.expect(preview3.MessageType.Error, sessionId, frameId);
    const said = preview3.decodeErrorMessage(error.view, error.metadataStart).errorCode;
    if (said !== errorCode)
      throw new CheckFailure(`ERROR of frame ${frameId}: expected code ${errorCode}, got ${said}`);
    await this.expect(preview3.MessageType.ResultDrop, sessionId, frameId);
  }

  /** The next packet, which must be this message. @throws CheckFailure when it is another, or none comes */
  async expect(messageType: preview3.MessageType, sessionId?: number, frameId?: number): Promise<Packet> {
    const what = nameOf(messageType);
    const packet = await this.next(what);
    if (packet.messageType !== messageType) {
      throw new CheckFailure(`expected ${what}, got ${nameOf(packet.messageType)} of session ${packet.sessionId}`);
    }
    if (sessionId !== undefined && packet.sessionId !== sessionId) {
      throw new CheckFailure(`${what}: expected session ${sessionId}, got ${packet.sessionId}`);
    }
    if (frameId !== undefined && packet.frameId !== frameId) {
      throw new CheckFailure(`${what}: expected frame ${frameId}, got ${packet.frameId}`);
    }
    return packet;
  }

  /**
   * Everything that the other side has to say by now: what comes before the answer to a second PING. Two, because an
   * answer may overtake what was queued in the same turn.
   */
  async settled(): Promise<Packet[]> {
    const said: Packet[] = [];
    for (let round = 0; round < 2; round++) {
      this.send(packetOf(MessageType.Ping));
      for (;;) {
        const packet = await this.next('PONG');
        if (packet.messageType === MessageType.Pong) break;
        said.push(packet);
      }
    }
    return said;
  }

  /** Resolves when the connection is over. @throws CheckFailure when it is not in time */
  async over(): Promise<void> {
    await this.until(() => this.isEnded, 'the end of the connection');
    await this.ended;
  }

  destroy(): void {
    this.socket.destroy();
  }

  private async until(reached: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + this.patienceMs;
    while (!reached()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new CheckFailure(`waited ${this.patienceMs} ms for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

const NAMES = new Map<number, string>(Object.entries(MessageType).map(([name, code]) => [code, name]));

function nameOf(messageType: number): string {
  return NAMES.get(messageType) ?? `message ${messageType}`;
}
