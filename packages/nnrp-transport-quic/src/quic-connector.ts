import { isNnrpError, TimeoutError, TransportError, UsageError } from 'nnrp-core';
import {
  type FramedConnector,
  type FramedTransport,
  formatAddress,
  type HostPort,
  parseAddress,
} from 'nnrp-runtime/transport';
import { QuicClientEndpointConfig, type QuicClientEndpointOptions } from './client-endpoint-config.js';
import type { QuicTransportOptions } from './endpoint-options.js';
import type { QuicClientSocket } from './engine.js';
import { framed, MAGIC, TRANSPORT_KIND } from './quic-framed-transport.js';
import { quicheEngine } from './quiche/quiche-engine.js';

/** Options that are not QUIC's own. */
export interface QuicConnectorDefaults extends QuicTransportOptions {
  /** Milliseconds. */
  readonly connectTimeoutMs?: number;
}

/**
 * Connects to one server over QUIC, offering `nnrp/1` by ALPN. Its connections to one address share a UDP socket, which
 * is there as long as any of them. The server's certificate must lead to a trusted root and be for the name it was
 * called by; there is no way around that but `insecureSkipVerify`.
 *
 * A server may refuse the client's certificate only after `connect` has resolved, since a TLS 1.3 client is done first;
 * the connection then ends, with an error that says why.
 */
export class QuicConnector implements FramedConnector {
  readonly kind = TRANSPORT_KIND;
  private readonly server: HostPort;
  private readonly transportOptions: QuicTransportOptions;
  private readonly socket: QuicClientSocket;

  /**
   * @param endpoint - HOST:PORT of the server
   * @param defaults - for what the configuration leaves open; `connectTimeoutMs` bounds the handshake besides
   * @throws UsageError on an option that cannot work, certificates and keys included; TransportError where QUIC is not to
   * be had on this platform
   */
  constructor(
    endpoint: string | HostPort,
    config: QuicClientEndpointConfig | QuicClientEndpointOptions = {},
    { connectTimeoutMs = Number.POSITIVE_INFINITY, ...defaults }: QuicConnectorDefaults = {},
  ) {
    this.server = parseAddress(endpoint);
    const { settings, transportOptions } =
      config instanceof QuicClientEndpointConfig ? config : new QuicClientEndpointConfig(config);
    this.transportOptions = { ...defaults, ...transportOptions };
    const handshakeTimeoutMs = Math.min(settings.handshakeTimeoutMs, connectTimeoutMs);
    this.socket = quicheEngine.dial(this.server, { ...settings, handshakeTimeoutMs, preamble: MAGIC });
  }

  /** @throws TransportError or TimeoutError that names the server and says why */
  async connect(): Promise<FramedTransport> {
    try {
      return framed(await this.socket.connect(), this.transportOptions);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const why = isNnrpError(error) ? error.rawMessage : (error as Error).message;
      const message = `cannot connect to ${formatAddress(this.server.host, this.server.port)} over QUIC: ${why}`;
      if (error instanceof TimeoutError) throw new TimeoutError(message, error.timeoutMs);
      throw new TransportError(message, { cause: error });
    }
  }
}
