import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type HostPort, parseAddress } from 'nnrp-runtime/transport';
import { QuicClientEndpointConfig } from '../../src/client-endpoint-config.js';
import { addressWords } from '../../src/module/address-words.js';
import { loadModule } from '../../src/module/load-module.js';
import { Happened, SECRET_BYTES } from '../../src/module/module-facts.js';
import { QuinnModule } from '../../src/module/quinn-module.js';
import { type PacketKeys, Secrets } from '../fuzz/packet-keys.js';
import { until } from './until.js';

/** How often its timer is looked at. */
const TICK_MS = 5;

/** Of the ids that a server gives out. */
const ID_BYTES = 16;
/** Of a packet with a short header and a number of four bytes. */
const SHORT_HEADER = 0x43;
/** Beyond those of packets that the library has sent. */
const FIRST_OWN_NUMBER = 1000;

const code = await loadModule();
/** Of the handshake that was complete last. */
const secrets = new Secrets();
const modules = new Map<string, QuinnModule>();

/** One instance for all clients of a protocol: it does not care for sockets. */
function moduleFor(alpn: string): QuinnModule {
  let module = modules.get(alpn);
  if (module === undefined) {
    const { settings } = new QuicClientEndpointConfig({ insecureSkipVerify: true, maxDatagramBytes: 1350 });
    module = new QuinnModule(code, randomBytes(SECRET_BYTES));
    module.configure({ ...settings, alpn: [alpn], keyLogFile: 'kept in memory' }, 0);
    module.onKeyLog = secrets.note;
    module.dial(false);
    modules.set(alpn, module);
  }
  return module;
}

/** A client of the bare library, without driver and rules: it says what no client of ours would. */
export class BareClient {
  /** What the server has sent, in bytes and in datagrams. */
  receivedBytes = 0;
  received = 0;
  /** A server that is not listened to hears nothing more of its client than what is sent by hand. */
  deaf = false;
  isEstablished = false;
  /** The connection has ended, or is ending. */
  isOver = false;
  private keys: PacketKeys | undefined;
  /** Its id at the server. */
  private id: Buffer = Buffer.alloc(0);
  private number = FIRST_OWN_NUMBER;
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly socket: Socket,
    readonly module: QuinnModule,
    readonly index: number,
    private readonly server: HostPort,
  ) {
    socket.on('message', (datagram) => this.receive(datagram));
    this.timer = setInterval(() => {
      if (module.timeoutMs(index) <= 0) module.handleTimeout(index);
      this.hear();
      this.flush();
    }, TICK_MS);
  }

  /** @param address - HOST:PORT of the server, on 127.0.0.1 */
  static async at(address: string, alpn = 'nnrp/1'): Promise<BareClient> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const module = moduleFor(alpn);
    const server = parseAddress(address);
    const index = module.connect('localhost', addressWords(server.host), server.port);
    return new BareClient(socket, module, index, server);
  }

  /** One with a complete handshake, whose stream is open. */
  static async connected(address: string): Promise<BareClient> {
    const client = await BareClient.at(address);
    client.flush();
    await until(() => client.isEstablished, 'the handshake is complete');
    return client;
  }

  /** The first datagram of a client that never says anything more. */
  static firstDatagram(address: string, alpn = 'nnrp/1'): Buffer {
    const module = moduleFor(alpn);
    const { host, port } = parseAddress(address);
    const index = module.connect('localhost', addressWords(host), port);
    const out = Buffer.alloc(module.transmit(index, 1));
    module.copy(out, 0, out.length);
    module.forget(index);
    return out;
  }

  /** Writes to the stream, as far as there is room. @returns bytes taken */
  write(bytes: Uint8Array, fin = false): number {
    const { module, index } = this;
    const taken = bytes.length === 0 ? 0 : Math.max(0, module.write(index, bytes));
    if (fin) module.finish(index);
    this.flush();
    return taken;
  }

  close(code: number, reason: string): void {
    this.module.close(this.index, code, reason);
    this.flush();
  }

  /** Sends a packet with these frames, which the library has no part in. @param socket - from where; default its own */
  sendFrames(frames: Buffer, socket = this.socket): void {
    const payload = Buffer.concat([frames, Buffer.alloc(4)]);
    const header = Buffer.concat([Buffer.from([SHORT_HEADER]), this.id]);
    const packet = (this.keys as PacketKeys).seal(header, this.number++, payload);
    socket.send(packet, this.server.port, this.server.host);
  }

  /** Sends what the library has to say. */
  flush(): void {
    const { module, index, server } = this;
    for (let bytes = module.transmit(index, 1); bytes > 0; bytes = module.transmit(index, 1)) {
      const datagram = Buffer.alloc(bytes);
      module.copy(datagram, 0, bytes);
      if (((datagram[0] as number) & 0x80) === 0) this.id = datagram.subarray(1, 1 + ID_BYTES);
      this.socket.send(datagram, server.port, server.host);
    }
  }

  /** Vanishes. */
  destroy(): void {
    clearInterval(this.timer);
    this.socket.close();
    this.module.forget(this.index);
  }

  private receive(datagram: Buffer): void {
    this.received++;
    this.receivedBytes += datagram.length;
    if (this.deaf) return;
    this.module.receive(datagram, addressWords(this.server.host), this.server.port);
    this.hear();
    this.flush();
  }

  private hear(): void {
    const bits = this.module.happened(this.index);
    if ((bits & Happened.Connected) !== 0) {
      this.isEstablished = true;
      this.keys = secrets.keys('CLIENT_TRAFFIC_SECRET_0');
      this.module.openStream(this.index);
    }
    if ((bits & (Happened.Lost | Happened.Drained)) !== 0) this.isOver = true;
  }
}
