import { inspect } from 'node:util';
import { UsageError } from 'nnrp-core';
import { AcceptQueue, type FramedListener, type FramedTransport } from 'nnrp-runtime/transport';
import {
  type QuicTransportOptions,
  readTransportOptions,
  refuseUnknown,
  TRANSPORT_OPTIONS,
} from './endpoint-options.js';
import type { ListenerEvents, QuicServerSocket } from './engine.js';
import { framed, MAGIC, TRANSPORT_KIND } from './quic-framed-transport.js';
import { quicheEngine } from './quiche/quiche-engine.js';
import { QuicServerEndpointConfig } from './server-endpoint-config.js';

/**
 * Listens for QUIC on one UDP socket. A connection can be accepted once its handshake is complete; handshakes run beside
 * each other, and a peer that is slow, silent or hostile in one of them holds up nobody. Clients have to offer
 * `nnrp/1` by ALPN.
 *
 * @see NNRP/1-preview3 section 12.3
 */
export class QuicFramedListener implements FramedListener {
  readonly kind = TRANSPORT_KIND;
  readonly address: string;

  private constructor(
    private readonly socket: QuicServerSocket,
    private readonly waiting: AcceptQueue,
  ) {
    this.address = socket.address;
  }

  /**
   * @param defaults - for what the configuration leaves open
   * @throws TransportError when the address cannot be bound, or QUIC is not to be had on this platform; UsageError when
   * the QUIC library refuses the certificate
   */
  static async bind(
    config: QuicServerEndpointConfig,
    defaults: QuicTransportOptions = {},
  ): Promise<QuicFramedListener> {
    refuseOthers(config);
    refuseUnknown(defaults, TRANSPORT_OPTIONS);
    const { settings, onHandshakeFailure } = config;
    const transportOptions = { ...readTransportOptions(defaults), ...config.transportOptions };
    const { host, port } = settings.bindAddress;
    const waiting = new AcceptQueue(`${host}:${port}`);
    const asked = settings.clientCertificates !== 'none';
    const events: ListenerEvents = {
      connected: (stream) => waiting.add(framed(stream, transportOptions, asked)),
      handshakeFailed: onHandshakeFailure,
      failed: (error) => waiting.fail(error),
    };
    return new QuicFramedListener(await quicheEngine.listen({ ...settings, preamble: MAGIC }, events), waiting);
  }

  /**
   * Uses another certificate from now on, or other rules for client certificates; connections that are there live on. The
   * address, the limits and what is said of packets stay as they were.
   *
   * @throws UsageError when it is no configuration of a server
   */
  renew(config: QuicServerEndpointConfig): void {
    refuseOthers(config);
    this.socket.renew({ ...config.settings, preamble: MAGIC });
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  async close(): Promise<void> {
    this.waiting.close();
    this.socket.close();
  }
}

function refuseOthers(config: unknown): void {
  if (config instanceof QuicServerEndpointConfig) return;
  throw new UsageError(`endpoint configuration: expected a QuicServerEndpointConfig, got ${inspect(config)}`);
}
