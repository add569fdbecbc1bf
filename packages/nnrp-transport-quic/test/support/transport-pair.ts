import type { FramedListener, FramedTransport } from 'nnrp-runtime/transport';
import { RecordingSink } from '../../../nnrp-runtime/src/testing/recording-sink.js';
import { assertTestPacket, TestPacket } from '../../../nnrp-runtime/src/testing/test-packet.js';
import type { QuicClientEndpointOptions } from '../../src/client-endpoint-config.js';
import { QuicConnector } from '../../src/quic-connector.js';
import { QuicFramedListener } from '../../src/quic-listener.js';
import { QuicServerEndpointConfig, type QuicServerOptions } from '../../src/server-endpoint-config.js';
import { UdpProxy, type Weather } from './udp-proxy.js';

const PATIENCE_MS = 60_000;

/** Both ends of one connection, as a server and a client have them, with a network in between. */
export class TransportPair {
  readonly clientSink = new RecordingSink(PATIENCE_MS);
  readonly serverSink = new RecordingSink(PATIENCE_MS);

  private constructor(
    readonly client: FramedTransport,
    readonly server: FramedTransport,
    readonly proxy: UdpProxy,
    private readonly listener: FramedListener,
  ) {}

  /** @param handshake - what the network lets pass of the handshake */
  static async connect(
    weather: Weather = {},
    serverOptions: QuicServerOptions = {},
    clientOptions: QuicClientEndpointOptions = {},
    handshake: UdpProxy['filter'] = () => true,
  ): Promise<TransportPair> {
    const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0', serverOptions);
    const listener = await QuicFramedListener.bind(config);
    const proxy = await UdpProxy.before(listener.address);
    proxy.filter = handshake;
    const connector = new QuicConnector(proxy.address, { roots: certificate.certificateDer, ...clientOptions });
    const [client, server] = await Promise.all([connector.connect(), listener.accept()]);
    // The handshake has had good weather: what it takes else has nothing to do with a test.
    proxy.weather = weather;
    proxy.filter = () => true;
    return new TransportPair(client, server, proxy, listener);
  }

  end(role: 'client' | 'server'): FramedTransport {
    return this[role];
  }

  sink(role: 'client' | 'server'): RecordingSink {
    return role === 'client' ? this.clientSink : this.serverSink;
  }

  /** Both ends deliver from now on. */
  start(): void {
    this.client.start(this.clientSink);
    this.server.start(this.serverSink);
  }

  async clear(): Promise<void> {
    this.proxy.dark = false;
    this.client.abort();
    this.server.abort();
    await this.listener.close();
    this.proxy.close();
  }
}

/** Sends packets 1 to `count`, whether there is room or not. */
export function sendAll(transport: FramedTransport, count: number, bytes: number): void {
  for (let number = 1; number <= count; number++) transport.send(new TestPacket(number, bytes));
}

/** @throws AssertionError unless the sink has got packets 1 to `count`, in order and intact */
export function expectAll(sink: RecordingSink, count: number, bytes: number): void {
  if (sink.packets.length !== count) throw new Error(`${sink.packets.length} packets of ${count} have come`);
  for (let number = 1; number <= count; number++) assertTestPacket(sink.packets[number - 1], number, bytes);
}

/** Makes a sink take one packet at a time, each some time after the one before. */
export function slowly(transport: FramedTransport, sink: RecordingSink, pauseMs: number): void {
  sink.onPacket = () => {
    transport.pause();
    setTimeout(() => transport.resume(), pauseMs);
  };
}
