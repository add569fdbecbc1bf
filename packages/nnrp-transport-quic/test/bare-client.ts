import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseAddress } from 'nnrp-runtime/transport';
import { type QuicheConfig, type QuicheConnection, type QuicheHost, quiche } from '../src/quiche/binding.js';
import { until } from './until.js';

/** What the library can besides what the driver uses of it. */
interface WholeConnection extends QuicheConnection {
  streamShutdown(stream: number, direction: 0 | 1, code: number): void;
  peerStreamsLeftBidi(): number;
  peerStreamsLeftUni(): number;
  dgramMaxWritableLen(): number | null;
}

/** Directions of `streamShutdown`: STOP_SENDING and RESET_STREAM. */
export const STOP_SENDING = 0;
export const RESET = 1;
/** How often its timer is looked at. */
const TICK_MS = 5;

const configs = new Map<string, QuicheConfig>();

/** A client of the bare library, without driver and rules: it says what no client of ours would. */
export class BareClient {
  /** What the server has sent, in bytes and in datagrams. */
  receivedBytes = 0;
  received = 0;
  /** A server that is not listened to hears nothing more of its client than what is sent by hand. */
  deaf = false;
  readonly connection: WholeConnection;
  private readonly out = Buffer.alloc(65_535);
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly socket: Socket,
    private readonly local: QuicheHost,
    private readonly server: QuicheHost,
    alpn: string,
  ) {
    const config = configs.get(alpn) ?? makeConfig(alpn);
    configs.set(alpn, config);
    this.connection = quiche().Connection.connect(null, randomBytes(16), local, server, config) as WholeConnection;
    socket.on('message', (datagram) => this.receive(datagram));
    this.timer = setInterval(() => {
      this.connection.onTimeout();
      this.flush();
    }, TICK_MS);
  }

  /** @param address - HOST:PORT of the server, on 127.0.0.1 */
  static async at(address: string, alpn = 'nnrp/1'): Promise<BareClient> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    return new BareClient(socket, { host: '127.0.0.1', port }, parseAddress(address), alpn);
  }

  /** One with a complete handshake. */
  static async connected(address: string): Promise<BareClient> {
    const client = await BareClient.at(address);
    client.flush();
    await until(() => client.connection.isEstablished(), 'the handshake is complete');
    return client;
  }

  /** The first datagram of a client that never says anything more. */
  static firstDatagram(address: string, alpn = 'nnrp/1'): Buffer {
    const config = configs.get(alpn) ?? makeConfig(alpn);
    configs.set(alpn, config);
    const out = Buffer.alloc(2000);
    const local = { host: '127.0.0.1', port: 1 };
    const connection = quiche().Connection.connect(null, randomBytes(16), local, parseAddress(address), config);
    const [bytes] = connection.send(out) ?? [0];
    return out.subarray(0, bytes);
  }

  /** Writes to the stream, as far as there is room. @returns bytes taken */
  write(bytes: Uint8Array, fin = false): number {
    const taken = this.connection.streamSend(0, bytes, fin) ?? 0;
    this.flush();
    return taken;
  }

  /** Sends what the library has to say. */
  flush(): void {
    try {
      for (let sent = this.connection.send(this.out); sent !== null; sent = this.connection.send(this.out)) {
        this.socket.send(Buffer.from(this.out.subarray(0, sent[0])), this.server.port, this.server.host);
      }
    } catch {
      // It is over.
    }
  }

  /** Vanishes. */
  destroy(): void {
    clearInterval(this.timer);
    this.socket.close();
  }

  private receive(datagram: Buffer): void {
    this.received++;
    this.receivedBytes += datagram.length;
    if (this.deaf) return;
    try {
      this.connection.recv(datagram, { from: this.server, to: this.local });
    } catch {
      // It shows in the state of the connection.
    }
    this.flush();
  }
}

function makeConfig(alpn: string): QuicheConfig {
  const config = quiche().Config.withBoringSslCtx(false, false, null, null, null, null);
  config.setApplicationProtos([alpn]);
  config.setMaxIdleTimeout(30_000);
  config.setMaxSendUdpPayloadSize(1350);
  config.setMaxRecvUdpPayloadSize(65_527);
  config.setInitialMaxData(Number.MAX_SAFE_INTEGER);
  config.setInitialMaxStreamDataBidiLocal(1 << 20);
  config.setInitialMaxStreamDataBidiRemote(1 << 20);
  return config;
}
