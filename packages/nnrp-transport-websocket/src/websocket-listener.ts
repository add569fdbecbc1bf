import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ClosedError, INSPECT, type Inspect, inspected, shownValue, UsageError } from 'nnrp-core';
import {
  type AcceptFailure,
  AcceptQueue,
  answering,
  type FramedListener,
  type FramedTransport,
  formatAddress,
  type Guarded,
  type HostPort,
  type ListenerBound,
  type ListenerBoundName,
  listen,
  listenFailure,
  warn,
} from 'nnrp-runtime/transport';
import { TRANSPORT_KIND } from './stream/websocket-transport.js';
import { HttpUpgrades } from './upgrade/http-upgrades.js';
import { SecuredPeers } from './upgrade/secured-peers.js';
import { checkPath, type ServerSettings, serverSettings, webSocketCredentials } from './upgrade/server-settings.js';
import { UpgradeGate } from './upgrade/upgrade-gate.js';
import { type BindTarget, bindTarget } from './websocket-address.js';
import type {
  AttachTarget,
  WebSocketServerOptions,
  WebSocketTlsOptions,
  WebSocketTransportOptions,
} from './websocket-options.js';

/** The longest head of a request, in bytes: what cookies and tokens need. */
const MAX_REQUEST_BYTES = 16 * 1024;
const UPGRADE_REQUIRED = { status: 426, text: 'this is a WebSocket server of NNRP: expected an upgrade' };

/**
 * Accepts WebSocket connections: of an HTTP server of its own, or of one that the application has. A connection can be
 * accepted once its upgrade is complete; upgrades run beside each other, and a peer that is slow, silent or hostile in
 * one of them holds up no other.
 */
export class WebSocketListener implements FramedListener, Guarded {
  readonly kind = TRANSPORT_KIND;
  private readonly gate: UpgradeGate;
  private readonly waiting: AcceptQueue;
  /** Where the listener speaks TLS by itself: uses another certificate and key from now on. */
  readonly renew?: (tls: WebSocketTlsOptions) => void;
  private closed = false;
  /** Where its own server has listened: what is closed is still named by it. */
  private boundAt: string | undefined;
  private readonly takeOff: () => void;
  private readonly scheme: 'ws' | 'wss';

  private constructor(
    private readonly http: HttpServer | HttpsServer,
    private readonly isOwn: boolean,
    private readonly path: string,
    settings: ServerSettings,
  ) {
    // Servers of Bun do not show that they speak TLS.
    this.scheme = settings.tls !== undefined || 'setSecureContext' in http ? 'wss' : 'ws';
    this.waiting = new AcceptQueue(`the path ${path}`);
    this.gate = new UpgradeGate(settings, path, this.waiting);
    if (isOwn && 'setSecureContext' in http) this.renew = (tls) => this.useCertificate(http, tls);
    this.takeOff = HttpUpgrades.add(http, {
      path,
      // One's own server has no other upgrades: the gate refuses them.
      isFor: (request) => isOwn || this.gate.isFor(request),
      upgrade: (request, socket, head) => this.upgrade(request, socket, head),
    });
  }

  /**
   * Listens by itself.
   *
   * @param address - HOST:PORT, or a URL such as `ws://127.0.0.1:8080/nnrp`; port 0 takes a free port, see `address`
   * @param defaults - for what the options leave open
   * @throws UsageError on an option that cannot work, certificates and keys included; TransportError when the address
   * cannot be bound
   */
  static bind(
    address: string | HostPort,
    options: WebSocketServerOptions = {},
    defaults: WebSocketTransportOptions = {},
  ): Promise<WebSocketListener> {
    return answering(() => WebSocketListener.open(address, options, defaults));
  }

  /** @internal `bind` for callers that check by themselves: mistakes are thrown at once. */
  static open(
    address: string | HostPort,
    options: WebSocketServerOptions,
    defaults: WebSocketTransportOptions,
  ): Promise<WebSocketListener> {
    const settings = serverSettings(options, defaults);
    const target = bindTarget(address, settings.tls !== undefined);
    const limits = { maxHeaderSize: MAX_REQUEST_BYTES, keepAliveTimeout: 1, noDelay: true };
    const http = settings.tls === undefined ? createServer(limits) : createTlsServer({ ...limits, ...settings.tls });
    // The key in readable form would only show up in a log.
    Object.assign(http, { key: undefined });
    const listener = new WebSocketListener(http, true, target.path, settings);
    return listener.listen(target);
  }

  /**
   * Takes the upgrades at one path of an HTTP server of the application's. The server is neither started nor closed, and
   * requests and upgrades at other paths are its own.
   *
   * @throws UsageError on an option that cannot work, and on a path at which NNRP is spoken already
   */
  static attach(
    target: AttachTarget,
    options: WebSocketServerOptions = {},
    defaults: WebSocketTransportOptions = {},
  ): WebSocketListener {
    const { server, path = '/' } = target;
    if (typeof server?.on !== 'function' || typeof server.address !== 'function')
      throw new UsageError(
        `server: expected a server of node:http or node:https, as app.listen() of Express returns and app.server of Fastify is, got ${shownValue(server)}`,
      );
    if (options?.tls !== undefined) throw new UsageError('tls: the server that is given has its own certificate');
    return new WebSocketListener(server, false, checkPath(path), serverSettings(options, defaults));
  }

  /** A URL, such as ws://127.0.0.1:8080/nnrp; without host and port while the application's server does not listen. */
  get address(): string {
    if (this.boundAt !== undefined) return this.boundAt;
    const { scheme } = this;
    const bound = this.http.address();
    if (bound === null || typeof bound === 'string') return `${scheme}:${this.path}`;
    return `${scheme}://${formatAddress(bound.address, bound.port)}${this.path}`;
  }

  accept(): Promise<FramedTransport> {
    return this.waiting.next();
  }

  set onAcceptFailed(told: ((failure: AcceptFailure) => void) | undefined) {
    this.waiting.onFailure = told;
  }

  get bounds(): readonly ListenerBound[] {
    return [this.waiting.bound, ...this.gate.waitingPeers.bounds];
  }

  set onBoundHit(told: ((name: ListenerBoundName) => void) | undefined) {
    this.waiting.onBoundHit = told;
    this.gate.waitingPeers.onBoundHit = told;
  }

  close(): Promise<void> {
    return answering(() => {
      if (this.closed) return;
      this.closed = true;
      const { address } = this;
      this.takeOff();
      this.gate.close();
      this.waiting.close(new ClosedError(`listener ${address} is closed`));
      if (this.isOwn) this.http.close();
    });
  }

  /** For the guard: what an event of the server has set off has failed. */
  crashed(error: unknown): void {
    warn('a connection was lost to an internal error of the listener', error);
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: this.address };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('WebSocketListener', this.toJSON(), depth, options, inspect);
  }

  private listen({ host, port }: BindTarget): Promise<this> {
    const { http, gate } = this;
    listen(this, http, 'request', (request: IncomingMessage, response: ServerResponse) => answer(request, response));
    // Node's own: what is to speak HTTP, or TLS first, is given to them when its turn has come.
    const takers = http.listeners('connection');
    const peers = new SecuredPeers(this);
    http.removeAllListeners('connection');
    listen(this, http, 'connection', (socket: Socket) => {
      gate.waitingPeers.admit(socket, () => {
        if (this.scheme === 'wss') peers.begin(socket);
        for (const take of takers) take.call(http, socket);
      });
    });
    listen(this, http, 'secureConnection', (socket: TLSSocket) => peers.secured(socket));
    listen(this, http, 'clientError', (error: Error, socket: Socket) => gate.noRequest(socket, error));
    return new Promise((resolve, reject) => {
      listen(this, http, 'error', (error: Error) => {
        if (http.listening) {
          this.waiting.missed(error);
          return;
        }
        reject(listenFailure(host, port, error));
        this.waiting.fail(error);
      });
      listen(this, http, 'close', () => this.waiting.fail(new Error('it does not listen any more')));
      http.listen(port, host, () => {
        this.boundAt = this.address;
        this.waiting.address = this.boundAt;
        resolve(this);
      });
    });
  }

  /** @throws UsageError when they cannot work, ClosedError when the listener is closed; nothing has changed then */
  private useCertificate(http: HttpsServer, tls: WebSocketTlsOptions): void {
    if (this.closed) throw new ClosedError(`listener ${this.address} is closed`);
    http.setSecureContext(webSocketCredentials(tls));
    // The key in readable form would only show up in a log.
    Object.assign(http, { key: undefined });
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.waiting.address = this.address;
    this.gate.upgrade(request, socket, head);
  }
}

/** A request without an upgrade. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const { status, text } = UPGRADE_REQUIRED;
  request.resume();
  response.writeHead(status, {
    connection: 'close',
    upgrade: 'websocket',
    'content-type': 'text/plain; charset=utf-8',
  });
  response.end(`${text}\n`);
}
