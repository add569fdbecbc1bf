import { INSPECT, type Inspect, inspected, isNnrpError, TimeoutError, TransportError } from 'nnrp-core';
import {
  answering,
  checkSignal,
  type FramedConnector,
  type FramedTransport,
  followSignal,
  formatAddress,
  type Guarded,
  type HostPort,
  nextTurn,
  Patience,
  parseAddress,
  reachableHost,
  reasonOf,
  transportLimits,
} from 'nnrp-runtime/transport';
import { isClientConfig, QuicClientEndpointConfig, type QuicClientEndpointOptions } from './client-endpoint-config.js';
import { integer, knownOptions, type QuicTransportOptions, TRANSPORT_OPTIONS } from './endpoint-options.js';
import type { QuicClientSocket } from './engine.js';
import { framed, MAGIC, TRANSPORT_KIND } from './quic-framed-transport.js';
import { quinnEngine } from './quinn/quinn-engine.js';

const CONNECT_TIMEOUT_MS = 10_000;

/** Options that are not QUIC's own. */
export interface QuicConnectorDefaults extends QuicTransportOptions {
  /**
   * Milliseconds for the connection to come about, with lookup of the name and handshake; default 10000, or
   * `handshakeTimeoutMs` if that is more.
   */
  readonly connectTimeoutMs?: number | undefined;
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
  private readonly connectTimeoutMs: number;
  private readonly socket: QuicClientSocket;

  /**
   * @param endpoint - HOST:PORT of the server
   * @param defaults - for what the configuration leaves open
   * @throws UsageError on an option that cannot work, certificates and keys included
   */
  constructor(
    endpoint: string | HostPort,
    config: QuicClientEndpointConfig | QuicClientEndpointOptions = {},
    defaults: QuicConnectorDefaults = {},
  ) {
    const { host, port } = parseAddress(endpoint);
    this.server = { host: reachableHost(host), port };
    const { settings, transportOptions } = isClientConfig(config) ? config : new QuicClientEndpointConfig(config);
    const given = knownOptions(defaults, ['connectTimeoutMs', ...TRANSPORT_OPTIONS]);
    const { connectTimeoutMs = Math.max(CONNECT_TIMEOUT_MS, settings.handshakeTimeoutMs) } = given;
    this.connectTimeoutMs = integer('connectTimeoutMs', connectTimeoutMs, 1);
    this.transportOptions = { ...transportLimits(given), ...transportOptions };
    this.socket = quinnEngine.dial(this.server, { ...settings, preamble: MAGIC });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: formatAddress(this.server.host, this.server.port) };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('QuicConnector', this.toJSON(), depth, options, inspect);
  }

  /** @throws TransportError or TimeoutError that names the server and says why, also where QUIC is not to be had */
  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return answering(() => {
      checkSignal(signal);
      return signal === undefined ? this.connectInTime() : this.connectUntil(signal);
    });
  }

  /** Does not wait for what is given up: that ends by itself, and a stream that there is all the same is ended. */
  private connectUntil(signal: AbortSignal): Promise<FramedTransport> {
    const stop = new AbortController();
    return new Promise((resolve, reject) => {
      const owner: Guarded = { crashed: (error) => reject(error as Error) };
      const letGo = followSignal(owner, signal, () => {
        reject(reasonOf(signal));
        stop.abort(new TransportError('it is not needed any more'));
      });
      if (stop.signal.aborted) return;
      this.connectInTime(stop.signal).then(
        (transport) => {
          letGo();
          if (stop.signal.aborted) transport.abort();
          else resolve(transport);
        },
        (error: unknown) => {
          letGo();
          reject(error);
        },
      );
    });
  }

  /** @param stop - ends the attempt */
  private async connectInTime(stop?: AbortSignal): Promise<FramedTransport> {
    const { connectTimeoutMs } = this;
    const giveUp = new AbortController();
    const owner: Guarded = { crashed: (error) => giveUp.abort(error) };
    const patience = new Patience(owner, connectTimeoutMs, () => {
      giveUp.abort(new TimeoutError(`no connection within ${connectTimeoutMs} ms`, connectTimeoutMs));
    });
    const goOn = stop === undefined ? () => {} : followSignal(owner, stop, () => giveUp.abort(reasonOf(stop)));
    try {
      return framed(await whichever(this.socket.connect(giveUp.signal), giveUp.signal), this.transportOptions);
    } catch (error) {
      if (isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
      const why = isNnrpError(error) ? error.rawMessage : (error as Error).message;
      const message = `cannot connect to ${formatAddress(this.server.host, this.server.port)} over QUIC: ${why}`;
      if (isNnrpError(error, 'NNRP_ERR_TIMEOUT')) throw new TimeoutError(message, (error as TimeoutError).timeoutMs);
      throw new TransportError(message, { cause: error, isRetryable: isNnrpError(error) ? error.isRetryable : true });
    } finally {
      patience.end();
      goOn();
    }
  }
}

/**
 * A lookup of a name cannot be given up; its result is not waited for then. Whatever else is given up says in this turn what it
 * has tried.
 */
function whichever<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const owner: Guarded = { crashed: (error) => reject(error as Error) };
    signal.addEventListener('abort', () => nextTurn(owner, () => reject(signal.reason)));
    promise.then(resolve, reject);
  });
}
