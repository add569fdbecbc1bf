import type { RemoteInfo } from 'node:dgram';
import { ClosedError, TransportError } from 'nnrp-core';
import {
  boundOf,
  formatAddress,
  guard,
  type HostPort,
  hostGroup,
  type ListenerBound,
  type ListenerBoundName,
  type Stranger,
  type StrangerLimits,
  Strangers,
} from 'nnrp-runtime/transport';
import type { ListenerEvents, QuicServerSocket, ServerSettings } from '../engine.js';
import { type QuicheConnection, quiche } from './binding.js';
import type { Refusal } from './connection-parts.js';
import { Endpoint, type EndpointOwner } from './endpoint.js';
import { type IncomingConnection, IncomingConnections } from './incoming-connections.js';
import { QuicheConfigs } from './quiche-config.js';
import { QuicheConnectionDriver } from './quiche-connection-driver.js';
import { resolveHost } from './resolve-host.js';
import { UdpSocket, withoutZone } from './udp-socket.js';

/** TLS alert certificate_required as QUIC sends it. */
const CERTIFICATE_REQUIRED = 0x174;
const MADE_ROOM = 'the handshake made room for others that have begun since';
/** Milliseconds that a failed handshake counts for. */
const FAILURE_WINDOW_MS = 1000;
/** Errors of single datagrams, which say nothing of the socket; some platforms report them on it all the same. */
const OF_ONE_PEER = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EMSGSIZE', 'EPERM']);

/** How each of the bounds is called in the stats of a server. */
const BOUND_NAMES: { readonly [Bound in keyof StrangerLimits]: ListenerBoundName } = {
  inAll: 'quicHandshakes',
  perAddress: 'addressQuicHandshakes',
};

/** What is kept of the settings: the credentials are the library's. */
type ServerRules = Omit<ServerSettings, 'credentials' | 'clientRoots'>;

/** A UDP socket that takes connections. */
export class QuicheServerSocket implements QuicServerSocket, EndpointOwner {
  readonly listens = true;
  readonly address: string;
  private readonly endpoint: Endpoint;
  private readonly incoming: IncomingConnections;
  private readonly local: HostPort;
  private readonly strangers: Strangers<Stranger>;
  private underWay = 0;
  private failures = 0;
  private failuresSinceMs = 0;
  private closed = false;

  private constructor(
    socket: UdpSocket,
    private settings: ServerRules,
    private configs: QuicheConfigs,
    private readonly events: ListenerEvents,
  ) {
    const { host, port } = socket.local;
    this.address = formatAddress(host, port);
    this.local = { host: withoutZone(host), port };
    this.endpoint = new Endpoint(socket, this);
    this.incoming = new IncomingConnections(socket, settings, this);
    const { maxHandshakes: inAll, maxHandshakesPerAddress: perAddress } = settings;
    this.strangers = new Strangers({ inAll, perAddress }, (bound) => events.boundHit(BOUND_NAMES[bound]));
  }

  static async bind(settings: ServerSettings, events: ListenerEvents): Promise<QuicheServerSocket> {
    const configs = QuicheConfigs.ofServer(settings);
    const { host, port } = settings.bindAddress;
    const [resolved] = await resolveHost(host);
    // Before clients rely on the server: it may be that the library is not to be had, or refuses the credentials.
    configs.for(resolved as string);
    const socket = await UdpSocket.bind({ host: resolved as string, port });
    return new QuicheServerSocket(socket, rulesOf(settings), configs, events);
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.underWay;
  }

  /** Handshakes under way, and those that have come to nothing lately: they cost as much, and are over at once. */
  get handshakeLoad(): number {
    const isRecent = performance.now() - this.failuresSinceMs < FAILURE_WINDOW_MS;
    return this.underWay + (isRecent ? this.failures : 0);
  }

  get connections(): number {
    return this.endpoint.size;
  }

  /** Connection ids that lead to a connection. */
  get routes(): number {
    return this.endpoint.routeCount;
  }

  get isFull(): boolean {
    if (this.endpoint.size < this.settings.maxConnections || this.strangers.size > 0) return false;
    this.events.boundHit('quicConnections');
    return true;
  }

  /** For the stats of a server. */
  get bounds(): readonly ListenerBound[] {
    const { strangers, endpoint } = this;
    const { maxConnections, maxHandshakes, maxHandshakesPerAddress: perAddress } = this.settings;
    return [
      { name: 'quicConnections', scope: 'server', bound: maxConnections, value: () => endpoint.size },
      { name: BOUND_NAMES.inAll, scope: 'server', bound: maxHandshakes, value: () => strangers.size },
      {
        name: BOUND_NAMES.perAddress,
        scope: 'address',
        bound: boundOf(perAddress),
        value: () => strangers.mostOfAnAddress,
      },
    ];
  }

  renew(settings: ServerSettings): void {
    const configs = QuicheConfigs.ofServer(settings);
    configs.for(this.local.host);
    this.settings = rulesOf(settings);
    this.configs = configs;
  }

  close(): void {
    this.closed = true;
    this.endpoint.stopListening(new ClosedError(`listener ${this.address} is closed`));
  }

  newcomer(datagram: Buffer, from: RemoteInfo): void {
    if (this.closed) return;
    const incoming = this.incoming.receive(datagram, from);
    if (incoming !== undefined) this.begin(incoming);
  }

  failed(error: NodeJS.ErrnoException): void {
    if (error.code !== undefined && OF_ONE_PEER.has(error.code)) return;
    this.events.missed(error);
  }

  lost(): void {
    if (!this.closed) this.events.failed(new Error('the UDP socket was closed'));
  }

  private begin({ datagram, from, scid, originalDcid, handshakeKey }: IncomingConnection): void {
    const peer = { host: from.address, port: from.port };
    const remote = { host: withoutZone(from.address), port: from.port };
    const addressGroup = hostGroup(remote.host);
    // A client repeats what has had no answer.
    if (!this.strangers.mayCome(addressGroup) || !this.makeRoom()) return;
    const config = this.configs.for(remote.host);
    const connection = quiche().Connection.accept(scid, originalDcid, this.local, remote, config);
    // A handshake ends by the rules that it began with.
    const { events, settings } = this;
    const stranger: Stranger = {
      addressGroup,
      hasSpoken: () => driven.hasProvedAddress,
      makeRoom: () => guard(driven, () => driven.end(new TransportError(MADE_ROOM))),
    };
    this.strangers.add(stranger);
    this.underWay++;
    const driven: QuicheConnectionDriver = new QuicheConnectionDriver({
      endpoint: this.endpoint,
      connection,
      scid,
      peer,
      local: this.local,
      isClient: false,
      settings,
      ...(handshakeKey !== undefined && { handshakeKey }),
      verifyPeer: (established) => verifyPeer(established, settings),
      connected: (stream) => {
        this.underWay--;
        this.strangers.delete(stranger);
        events.connected(stream, settings.clientCertificates !== 'none');
      },
      failed: (error) => {
        this.underWay--;
        this.strangers.delete(stranger);
        this.countFailure();
        const { rawMessage, isRetryable } = error as TransportError;
        events.handshakeFailed(
          new TransportError(`${driven.remoteAddress}: ${rawMessage}`, { cause: error, isRetryable }),
        );
      },
    });
    driven.receive(datagram, from);
  }

  /** @returns whether there is a place for one more connection */
  private makeRoom(): boolean {
    if (this.endpoint.size < this.settings.maxConnections) return true;
    this.events.boundHit('quicConnections');
    return this.strangers.giveUpOne();
  }

  private countFailure(): void {
    const now = performance.now();
    if (now - this.failuresSinceMs >= FAILURE_WINDOW_MS) {
      this.failures = 0;
      this.failuresSinceMs = now;
    }
    this.failures++;
  }
}

function rulesOf({ credentials: _, clientRoots: __, ...rules }: ServerSettings): ServerRules {
  return rules;
}

function verifyPeer(connection: QuicheConnection, { clientCertificates }: ServerRules): Refusal | undefined {
  if (clientCertificates !== 'require' || connection.peerCertChain()?.[0] !== undefined) return undefined;
  return { why: 'the peer has sent no client certificate', alert: CERTIFICATE_REQUIRED };
}
