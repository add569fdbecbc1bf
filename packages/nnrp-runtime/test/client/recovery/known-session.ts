import type { Duplex } from 'node:stream';
import { type Packet, PacketSplitter } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';

export const TOKEN_BYTES = 24;

/** One connection of the client. */
export class ServerLink {
  /** SESSION_OPENs, in order. */
  readonly opens: preview3.SessionOpen[] = [];
  /** Whether PINGs get no answer. */
  isSilent = false;
  pings = 0;
  pongs = 0;
  /** Whose acknowledgement each PING without a PONG stands behind. */
  readonly proofs: KnownSession[] = [];
  /** Everything that has come. */
  readonly packets: Packet[] = [];

  constructor(
    readonly socket: Duplex,
    received: (packet: Packet, link: ServerLink) => void,
  ) {
    const splitter = new PacketSplitter();
    socket.on('data', (chunk: Buffer) => {
      splitter.push(new Uint8Array(chunk));
      for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) {
        this.packets.push(packet);
        received(packet, this);
      }
    });
    // How a connection ends is not what these tests are about.
    socket.on('error', () => {});
  }

  /** Messages of a kind that have come. */
  count(messageType: number): number {
    return this.packets.filter((packet) => packet.messageType === messageType).length;
  }

  send(bytes: Uint8Array): void {
    if (!this.socket.destroyed && !this.socket.writableEnded) this.socket.write(bytes);
  }
}

/** One session as the server has it, through all connections. */
export class KnownSession {
  link: ServerLink | undefined;
  token: Uint8Array;
  /** Tokens that were good once, in order. */
  readonly tokens: Uint8Array[] = [];
  /** Packets that were received, all of them and each once. */
  readonly received: Packet[] = [];
  /** Packets that were sent, whether they have arrived or not. */
  readonly sent: Uint8Array[] = [];
  /** What the client has said with each resume that it has received. */
  readonly positions: number[] = [];
  constructor(
    readonly sessionId: number,
    readonly open: preview3.SessionOpen,
    readonly auth: Uint8Array,
  ) {
    this.token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  }
}
