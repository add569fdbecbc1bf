import { ClosedError, INSPECT, type Inspect, inspected, type NnrpError } from 'nnrp-core';
import {
  type AcceptFailure,
  AcceptQueue,
  answering,
  type FramedListener,
  type FramedTransport,
  type ListenerBound,
  type ListenerBoundName,
  transportLimits,
} from 'nnrp-runtime/transport';
import { knownOptions, type QuicTransportOptions, TRANSPORT_OPTIONS } from './endpoint-options.js';
import type { ListenerEvents, QuicServerSocket } from './engine.js';
import { framed, MAGIC, TRANSPORT_KIND } from './quic-framed-transport.js';
import { quinnEngine } from './quinn/quinn-engine.js';
import { type QuicServerEndpointConfig, requireServerConfig } from './server-endpoint-config.js';

/**
 * Listens for QUIC on one UDP socket. A connection can be accepted once its handshake is complete; handshakes run beside
 * each other, and a peer that is slow, silent or hostile in one of them holds up no other. Clients have to offer
 * `nnrp/1` by ALPN.
 *
 * @see NNRP/1-preview3 section 12.3
 */
export class QuicFramedListener implements FramedListener {
  readonly kind = TRANSPORT_KIND;
  readonly address: string;
  private closed = false;

  private constructor(
    private readonly socket: QuicServerSocket,
    private readonly waiting: AcceptQueue,
  ) {
    this.address = socket.address;
    waiting.address = socket.address;
  }

  /**
   * @param defaults - for what the configuration leaves open
   * @throws TransportError when the address cannot be bound, or QUIC is not to be had on this platform; UsageError when
   * the QUIC library refuses the certificate
   */
  static bind(config: QuicServerEndpointConfig, defaults: QuicTransportOptions = {}): Promise<QuicFramedListener> {
    return answering(() => QuicFramedListener.open(config, defaults));
  }

  /** @internal `bind` for callers that check by themselves: mistakes are thrown at once. */
  static open(config: QuicServerEndpointConfig, defaults: QuicTransportOptions): Promise<QuicFramedListener> {
    requireServerConfig(config);
    const given = transportLimits(knownOptions(defaults, TRANSPORT_OPTIONS));
    return QuicFramedListener.listen(config, { ...given, ...config.transportOptions });
  }

  private static async listen(
    config: QuicServerEndpointConfig,
    transportOptions: QuicTransportOptions,
  ): Promise<QuicFramedListener> {
    const { settings, handshakeFailed } = config;
    const { host, port } = settings.bindAddress;
    const waiting = new AcceptQueue(`${host}:${port}`);
    const events: ListenerEvents = {
      connected: (stream, asked) => waiting.add(framed(stream, transportOptions, asked)),
      handshakeFailed: (error) => handshakeFailed(error as NnrpError),
      boundHit: (name) => waiting.onBoundHit?.(name),
      missed: (error) => waiting.missed(error),
      failed: (error) => waiting.fail(error),
    };
    return new QuicFramedListener(await quinnEngine.listen({ ...settings, preamble: MAGIC }, events), waiting);
  }

  /**
   * Uses another certificate from now on, or other rules for client certificates; connections that are there live on. The
   * address, the limits and what is said of packets stay as they were.
   *
   * @throws UsageError when it is no configuration of a server, ClosedError when the listener is closed; nothing has
   * changed then
   */
  renew(config: QuicServerEndpointConfig): void {
    requireServerConfig(config);
    if (this.closed) throw new ClosedError(`listener ${this.address} is closed`);
    this.socket.renew({ ...config.settings, preamble: MAGIC });
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  set onAcceptFailed(told: ((failure: AcceptFailure) => void) | undefined) {
    this.waiting.onFailure = told;
  }

  get bounds(): readonly ListenerBound[] {
    return [this.waiting.bound, ...this.socket.bounds];
  }

  set onBoundHit(told: ((name: ListenerBoundName) => void) | undefined) {
    this.waiting.onBoundHit = told;
  }

  close(): Promise<void> {
    return answering(() => {
      this.closed = true;
      this.waiting.close();
      this.socket.close();
    });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: this.address };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('QuicFramedListener', this.toJSON(), depth, options, inspect);
  }
}
