import { isIP, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ClosedError, INSPECT, type Inspect, inspected, TimeoutError, TransportError } from 'nnrp-core';
import { checkSignal, reasonOf, whenAborted } from '../../base/application/abort-signals.js';
import { type Guarded, listen, nextTurn } from '../../base/guard.js';
import { nodeTls } from '../../base/node-modules.js';
import { answering, rejection, SETTLED } from '../../base/promises/settled.js';
import { Patience } from '../../base/time/patience.js';
import { milliseconds } from '../../base/time/timer-limit.js';
import { formatAddress, type HostPort, parseAddress } from '../address/address.js';
import { Dialing } from '../connecting/dialing.js';
import type {
  FramedConnector,
  FramedListener,
  FramedTransport,
  ListenerBound,
  ListenerBoundName,
} from '../contract/contract.js';
import { type PeerIdentity, peerIdentity } from '../contract/peer-identity.js';
import { describeConnectFailure } from '../listening/connect-failure.js';
import { QueuedListener } from '../listening/queued-listener.js';
import { StreamTransport } from '../stream/stream-transport.js';
import { targetOf } from '../tcp/tcp.js';
import { connectOptions, type TcpConnectOptions, type TcpOptions, tcpOptions } from '../tcp/tcp-options.js';
import { KEEP_ALIVE, listenOnTcp, takeConnections } from '../tcp/tcp-server.js';
import { hasExpired } from './tls-credentials.js';
import { describeTlsFailure, isTlsRefusal } from './tls-failure.js';
import { type HandshakeRules, TlsHandshakes } from './tls-handshakes.js';
import {
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
 * other, within `maxHandshakes`, and a peer that is slow, silent or hostile in one of them holds up no other.
 *
 * By ALPN the server offers `nnrp/1-tcp`. Clients that offer none are taken too, unless `requireAlpn` is set; those that
 * offer other protocols only are refused. On the wire the transport is called tcp.
 *
 * @see NNRP/1-preview3 sections 2 and 19
 */
export class TlsListener extends QueuedListener implements FramedListener {
  readonly kind = 'tcp';
  private readonly handshakes: TlsHandshakes;
  private closed = false;

  private constructor(
    private readonly server: Server,
    address: string,
    settings: TlsServerSettings,
    options: TcpOptions,
  ) {
    super(address);
    this.handshakes = new TlsHandshakes(settings, (socket, remoteAddress, rules) => {
      this.waiting.add(overTls(socket, remoteAddress, options, identityOf(socket, rules)));
    });
    takeConnections(server, this.waiting, (connection) => this.handshakes.begin(connection));
  }

  /**
   * @param address - port 0 takes a free port, see `address` of the result
   * @throws UsageError on an option that cannot work, certificates and keys included; TransportError when the address
   * cannot be bound
   */
  static override bind(
    address: string | HostPort,
    tls: TlsServerOptions,
    options: TcpOptions = {},
  ): Promise<TlsListener> {
    return answering(() => TlsListener.open(address, tls, options));
  }

  /** @internal `bind` for callers that check by themselves: mistakes are thrown at once. */
  static open(address: string | HostPort, tls: TlsServerOptions, options: TcpOptions): Promise<TlsListener> {
    const wanted = parseAddress(address);
    const settings = tlsServerSettings(tls);
    const given = tcpOptions(options);
    return listenOnTcp(wanted).then(({ server, address: bound }) => new TlsListener(server, bound, settings, given));
  }

  /**
   * Uses another certificate and key from now on, and other rules for client certificates if there are some. Connections
   * that are there live on, and handshakes under way end as they began.
   *
   * @param tls - the certificate and its key; of the rest, what is left out stays as it was
   * @throws UsageError when they cannot work, ClosedError when the listener is closed; nothing has changed then
   */
  renew(tls: TlsServerOptions): void {
    if (this.closed) throw new ClosedError(`listener ${this.address} is closed`);
    this.handshakes.renew(tlsServerSettings(tls, this.handshakes.settings));
  }

  override get bounds(): readonly ListenerBound[] {
    return [...super.bounds, ...this.handshakes.bounds];
  }

  override set onBoundHit(told: ((name: ListenerBoundName) => void) | undefined) {
    super.onBoundHit = told;
    this.handshakes.onBoundHit = told;
  }

  close(): Promise<void> {
    this.closed = true;
    this.handshakes.close();
    this.waiting.close();
    // The callback would wait for every connection to end; those have owners of their own.
    this.server.close();
    return SETTLED;
  }

  toJSON(): Record<string, unknown> {
    const { kind, address, handshakes } = this;
    return { kind, address, handshakes: handshakes.size };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('TlsListener', this.toJSON(), depth, options, inspect);
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
  /** What each connection goes by; read again for each where the application has given a function. */
  private readonly settings: () => TlsClientSettings;
  private readonly options: TcpOptions;
  private readonly connectTimeoutMs: number;

  /**
   * @param tls - or a function that gives it anew for each connection, so that renewed roots and certificates count
   * @param options - connectTimeoutMs includes the TLS handshake
   * @throws UsageError on an option that cannot work, certificates and keys included
   */
  constructor(
    address: string | HostPort,
    tls: TlsClientOptions | (() => TlsClientOptions) = {},
    options: TcpConnectOptions = {},
  ) {
    this.target = targetOf(address);
    const { host } = this.target;
    const fixed = typeof tls === 'function' ? undefined : tlsClientSettings(tls, host);
    this.settings = () => fixed ?? tlsClientSettings((tls as () => TlsClientOptions)(), host);
    const { connectTimeoutMs, ...limits } = connectOptions(options);
    this.options = limits;
    this.connectTimeoutMs = milliseconds('connectTimeoutMs', connectTimeoutMs);
  }

  /** @throws UsageError (as a rejection) when the function that gives the options gives some that cannot work */
  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return answering(() => {
      checkSignal(signal);
      return signal?.aborted ? rejection(reasonOf(signal)) : this.connectWith(this.settings(), signal);
    });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: formatAddress(this.target.host, this.target.port) };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('TlsConnector', this.toJSON(), depth, options, inspect);
  }

  private connectWith(settings: TlsClientSettings, signal?: AbortSignal): Promise<FramedTransport> {
    const { connectTimeoutMs, target } = this;
    const { host, port } = target;
    const name = formatAddress(host, port);
    return new Promise((resolve, reject) => {
      const owner: Guarded = { crashed: (error) => failed('an internal error', error as Error) };
      let secured: TLSSocket | undefined;
      let isOver = false;
      const end = () => {
        isOver = true;
        patience.end();
        letGo();
        dialing.end();
      };
      const refuse = (reason: unknown) => {
        end();
        reject(reason);
        secured?.destroy();
      };
      // A certificate that is not taken will not be taken the next time; a host that is not there may be.
      const failed = (why: string, cause?: Error, isRetryable = false) =>
        refuse(new TransportError(`cannot connect to ${name}: ${why}`, { cause, isRetryable }));
      const broken = (error: Error) =>
        failed(describeConnectFailure(target, error, wordsOfTls), error, isOfTheNetwork(error));
      const shake = (connection: Socket) => {
        const resuming = settings.tickets.use(owner, (session) => startTls(connection, host, settings, session));
        const { socket } = resuming;
        secured = socket;
        // The listener stays: further errors would otherwise end the process.
        listen(owner, socket, 'error', (error: Error) => {
          if (!isOver && settings.tickets.stumbled(resuming, error)) dialing = dial();
          else broken(error);
        });
        listen(owner, socket, 'secureConnect', () => {
          if (settings.requireAlpn && socket.alpnProtocol !== TLS_ALPN) {
            failed(`ALPN: the peer has not agreed on ${TLS_ALPN}`);
            return;
          }
          patience.end();
          socket.setNoDelay(true);
          socket.setKeepAlive(KEEP_ALIVE.keepAlive, KEEP_ALIVE.keepAliveInitialDelay);
          // Only now: a server that ends its side within the handshake is gone.
          socket.allowHalfOpen = true;
          // Without verification nothing is proved, whatever the certificate says.
          const identity = identityOf(socket, { asksForCertificate: settings.verify }, resuming.certificate);
          const transport = overTls(socket, formatAddress(socket.remoteAddress ?? host, port), this.options, identity);
          // The last bytes of the handshake are written after this event; aborted now, the connection would not count as one.
          nextTurn(owner, () => {
            letGo();
            resolve(transport);
          });
        });
      };
      const dial = () => new Dialing(target, connectTimeoutMs, { noDelay: true }, { connected: shake, failed: broken });
      let dialing = dial();
      const patience = new Patience(owner, connectTimeoutMs, () => {
        const text = `no TLS connection to ${name} within ${connectTimeoutMs} ms: ${dialing.describe()}`;
        refuse(new TimeoutError(text, connectTimeoutMs));
      });
      const letGo = whenAborted(owner, signal, refuse);
    });
  }
}

function startTls(socket: Socket, host: string, settings: TlsClientSettings, session: Buffer | undefined): TLSSocket {
  const { secureContext, serverName, verify } = settings;
  return nodeTls().connect({
    socket,
    host,
    secureContext,
    session,
    ALPNProtocols: [TLS_ALPN],
    // An address has no place in the handshake, only in the certificate.
    ...(isIP(serverName) === 0 && { servername: serverName }),
    // Always said: left out, it depends on an environment variable.
    rejectUnauthorized: verify,
    checkServerIdentity: (_host, { raw }) => checkServerName(serverName, raw),
  });
}

function overTls(socket: TLSSocket, remoteAddress: string, options: TcpOptions, identity?: PeerIdentity) {
  return new StreamTransport(socket, {
    ...options,
    kind: 'tcp',
    remoteAddress,
    describeError: describeTlsFailure,
    isRetryable: (error) => !isTlsRefusal(error),
    ownsReads: true,
    borrowsWrites: 'call',
    maxWriteBytes: MAX_WRITE_BYTES,
    ...(identity !== undefined && { peerIdentity: identity }),
  });
}

function identityOf(
  socket: TLSSocket,
  settings: Pick<HandshakeRules, 'asksForCertificate'>,
  certificate = socket.getPeerX509Certificate(),
): PeerIdentity {
  // A string, whatever the type declarations say.
  const refusal = (socket.authorizationError as unknown as string | null) ?? undefined;
  const isOld = socket.isSessionReused() && hasExpired(certificate);
  return peerIdentity({
    asked: settings.asksForCertificate,
    verified: socket.authorized && !isOld,
    verificationError: refusal ?? (isOld ? 'CERT_HAS_EXPIRED' : undefined),
    certificate,
    alpn: socket.alpnProtocol || undefined,
    protocol: socket.getProtocol() ?? undefined,
  });
}

/** What the system says of connecting is known where all transports ask for it. */
function wordsOfTls(error: Error): string | undefined {
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === 'connect' || syscall === 'getaddrinfo' ? undefined : describeTlsFailure(error);
}

/** Whether the network failed, which says so by a system call, and not what was to be agreed on over it. */
function isOfTheNetwork(error: Error): boolean {
  const { syscall, errors, code } = error as NodeJS.ErrnoException & { readonly errors?: unknown };
  return syscall !== undefined || Array.isArray(errors) || code === 'ECONNRESET';
}
