import { createServer, isIP, type Server } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { PacketSplitter, TimeoutError, TransportError, UsageError } from 'nnrp-core';
import { Patience } from '../base/patience.js';
import { AcceptQueue } from './accept-queue.js';
import { formatAddress, type HostPort, parseAddress } from './address.js';
import type { FramedConnector, FramedListener, FramedTransport } from './contract.js';
import { type PeerIdentity, peerIdentity } from './peer-identity.js';
import { StreamTransport } from './stream-transport.js';
import { KEEP_ALIVE, streamOptions, type TcpOptions } from './tcp.js';
import { describeTlsFailure } from './tls-failure.js';
import { TlsHandshakes } from './tls-handshakes.js';
import {
  milliseconds,
  TLS_ALPN,
  type TlsClientOptions,
  type TlsClientSettings,
  type TlsServerOptions,
  type TlsServerSettings,
  tlsClientSettings,
  tlsServerSettings,
} from './tls-options.js';
import { checkServerName } from './tls-server-name.js';

/** Four full records: enough to keep the network busy, few enough to see a slow peer take them. */
const MAX_WRITE_BYTES = 64 * 1024;

/**
 * Listens on TCP and speaks TLS. A connection can be accepted once its handshake is complete; handshakes run beside each
 * other, at most 1024 at once, and a peer that is slow, silent or hostile in one of them holds up nobody.
 *
 * By ALPN the server offers `nnrp/1-tcp`. Clients that offer none are taken too, unless `requireAlpn` is set; those that
 * offer other protocols only are refused. On the wire the transport is called tcp.
 *
 * @see NNRP/1-preview3 sections 2 and 19
 */
export class TlsListener implements FramedListener {
  readonly kind = 'tcp';
  private readonly waiting: AcceptQueue;
  private readonly handshakes: TlsHandshakes;

  private constructor(
    private readonly server: Server,
    readonly address: string,
    settings: TlsServerSettings,
    options: TcpOptions,
  ) {
    this.waiting = new AcceptQueue(address);
    this.handshakes = new TlsHandshakes(settings, (socket, remoteAddress) => {
      this.waiting.add(overTls(socket, remoteAddress, options, identityOf(socket, settings)));
    });
    server.on('connection', (connection) => this.handshakes.begin(connection));
    server.on('error', (error) => this.waiting.fail(error));
  }

  /**
   * @param address - port 0 takes a free port, see `address` of the result
   * @throws UsageError on an option that cannot work, certificates and keys included; TransportError when the address
   * cannot be bound
   */
  static async bind(address: string | HostPort, tls: TlsServerOptions, options: TcpOptions = {}): Promise<TlsListener> {
    const { host, port } = parseAddress(address);
    const settings = tlsServerSettings(tls);
    checkLimits(options);
    const server = createServer({ noDelay: true, ...KEEP_ALIVE });
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        reject(new TransportError(`cannot listen on ${formatAddress(host, port)}: ${error.message}`, { cause: error }));
      });
      server.listen(port, host, () => {
        server.removeAllListeners('error');
        const bound = server.address();
        const text = bound === null || typeof bound === 'string' ? host : formatAddress(bound.address, bound.port);
        resolve(new TlsListener(server, text, settings, options));
      });
    });
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  async close(): Promise<void> {
    this.handshakes.close();
    this.waiting.close();
    // The callback would wait for every connection to end; those have owners of their own.
    this.server.close();
  }
}

/**
 * Connects over TCP and speaks TLS, offering `nnrp/1-tcp` by ALPN. The server's certificate must lead to a trusted root
 * and be for `serverName`; there is no way around that but `insecureSkipVerify`.
 *
 * A server may refuse the client's certificate only after `connect` has resolved, since a TLS 1.3 client is done first;
 * the connection then ends, with an error when the server has said why.
 */
export class TlsConnector implements FramedConnector {
  readonly kind = 'tcp';
  private readonly target: HostPort;
  private readonly settings: TlsClientSettings;
  private readonly connectTimeoutMs: number;

  /** @throws UsageError on an option that cannot work, certificates and keys included */
  constructor(
    address: string | HostPort,
    tls: TlsClientOptions = {},
    private readonly options: TcpOptions & {
      /** Milliseconds for the connection to come about, the TLS handshake included; default 10000. */
      readonly connectTimeoutMs?: number;
    } = {},
  ) {
    this.target = parseAddress(address);
    this.settings = tlsClientSettings(tls, this.target.host);
    checkLimits(options);
    this.connectTimeoutMs = milliseconds('connectTimeoutMs', options.connectTimeoutMs);
  }

  connect(): Promise<FramedTransport> {
    const { settings, connectTimeoutMs } = this;
    const { host, port } = this.target;
    const name = formatAddress(host, port);
    return new Promise((resolve, reject) => {
      const socket = connect({
        host,
        port,
        secureContext: settings.secureContext,
        ALPNProtocols: [TLS_ALPN],
        // An address has no place in the handshake, only in the certificate.
        ...(isIP(settings.serverName) === 0 && { servername: settings.serverName }),
        // Always said: left out, it depends on an environment variable.
        rejectUnauthorized: settings.verify,
        checkServerIdentity: (_host, { raw }) => checkServerName(settings.serverName, raw),
      });
      const failed = (why: string, cause?: Error) => {
        patience.end();
        reject(new TransportError(`cannot connect to ${name}: ${why}`, { cause }));
        socket.destroy();
      };
      const patience = new Patience({ crashed: (error) => failed(String(error)) }, connectTimeoutMs, () => {
        reject(new TimeoutError(`no TLS connection to ${name} within ${connectTimeoutMs} ms`, connectTimeoutMs));
        socket.destroy();
      });
      const handshakeFailed = (error: Error) => failed(describeTlsFailure(error), error);
      // It stays: further errors after the first have nobody to go to.
      socket.on('error', handshakeFailed);
      socket.once('secureConnect', () => {
        if (settings.requireAlpn && socket.alpnProtocol !== TLS_ALPN) {
          failed(`ALPN: the peer has not agreed on ${TLS_ALPN}`);
          return;
        }
        patience.end();
        socket.setNoDelay(true);
        socket.setKeepAlive(KEEP_ALIVE.keepAlive, KEEP_ALIVE.keepAliveInitialDelay);
        // Only now: a server that ends its side within the handshake is gone.
        socket.allowHalfOpen = true;
        const transport = overTls(socket, formatAddress(socket.remoteAddress ?? host, port), this.options);
        // The last bytes of the handshake are written after this event; aborted now, the connection would not count as one.
        setImmediate(resolve, transport);
      });
    });
  }
}

function overTls(socket: TLSSocket, remoteAddress: string, options: TcpOptions, identity?: PeerIdentity) {
  return new StreamTransport(socket, {
    ...streamOptions(options),
    kind: 'tcp',
    remoteAddress,
    describeError: describeTlsFailure,
    maxWriteBytes: MAX_WRITE_BYTES,
    ...(identity !== undefined && { peerIdentity: identity }),
  });
}

function identityOf(socket: TLSSocket, settings: TlsServerSettings): PeerIdentity {
  return peerIdentity({
    asked: settings.asksForCertificate,
    verified: socket.authorized,
    // A string, whatever the type declarations say.
    verificationError: (socket.authorizationError as unknown as string | null) ?? undefined,
    certificate: socket.getPeerX509Certificate(),
    alpn: socket.alpnProtocol || undefined,
    protocol: socket.getProtocol() ?? undefined,
  });
}

/** Before the first connection needs them. @throws UsageError that names the option */
function checkLimits({ highWaterBytes, ...splitting }: TcpOptions): void {
  new PacketSplitter(splitting);
  if (highWaterBytes !== undefined && !(Number.isSafeInteger(highWaterBytes) && highWaterBytes >= 1)) {
    throw new UsageError(`highWaterBytes: expected an integer of at least 1, got ${highWaterBytes}`);
  }
}
