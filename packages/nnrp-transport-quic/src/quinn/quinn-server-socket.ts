import type { RemoteInfo } from 'node:dgram';
import { ClosedError, TransportError } from 'nnrp-core';
import {
  boundOf,
  formatAddress,
  guard,
  hostGroup,
  type ListenerBound,
  type ListenerBoundName,
  type Stranger,
  type StrangerLimits,
  Strangers,
} from 'nnrp-runtime/transport';
import type { ListenerEvents, QuicServerSocket, ServerSettings } from '../engine.js';
import { loadModule } from '../module/load-module.js';
import type { Identity, Root } from '../module/module-facts.js';
import { QuinnModule } from '../module/quinn-module.js';
import type { WasmModule } from '../module/webassembly.js';
import { resolveHost } from '../udp/resolve-host.js';
import { UdpSocket } from '../udp/udp-socket.js';
import { ConnectionDriver } from './connection-driver.js';
import { lossError } from './describe-loss.js';
import { Endpoint, type EndpointOwner } from './endpoint.js';
import { readIdentity, readRoots, socketSecret } from './identity.js';
import { KeyLogFile } from './key-log-file.js';

/** Strain from which on clients have to prove their address, unless the settings say otherwise. */
const LOAD_FOR_RETRY = 64;
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

/** What is kept of the settings as they are: the private key is not among it. */
type ServerRules = Omit<ServerSettings, 'credentials' | 'clientRoots'>;

/** What new handshakes go by: the settings as they were read. */
interface Rules {
  readonly settings: ServerRules;
  readonly identity: Identity;
  readonly clientRoots: readonly Root[];
}

/** A UDP socket that takes connections. */
export class QuinnServerSocket implements QuicServerSocket, EndpointOwner {
  readonly listens = true;
  readonly address: string;
  private readonly endpoint: Endpoint;
  private readonly strangers: Strangers<Stranger>;
  private underWay = 0;
  private failures = 0;
  private failuresSinceMs = 0;
  private closed = false;

  private constructor(
    socket: UdpSocket,
    private readonly code: WasmModule,
    private readonly secret: Uint8Array,
    module: QuinnModule,
    private rules: Rules,
    private readonly events: ListenerEvents,
  ) {
    const { host, port } = socket.local;
    this.address = formatAddress(host, port);
    this.endpoint = new Endpoint(module, socket, this);
    const { maxHandshakes: inAll, maxHandshakesPerAddress: perAddress } = rules.settings;
    this.strangers = new Strangers({ inAll, perAddress }, (bound) => events.boundHit(BOUND_NAMES[bound]));
  }

  static async bind(settings: ServerSettings, events: ListenerEvents): Promise<QuinnServerSocket> {
    const loading = loadModule();
    const rules = readRules(settings);
    const { host, port } = settings.bindAddress;
    const [resolved] = await resolveHost(host);
    const socket = await UdpSocket.bind({ host: resolved as string, port });
    try {
      const code = await loading;
      const secret = socketSecret(rules.identity, socket.local);
      const module = new QuinnModule(code, secret);
      configure(module, rules);
      return new QuinnServerSocket(socket, code, secret, module, rules, events);
    } catch (error) {
      socket.close();
      throw error;
    }
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

  /** The instance that has its connections: the same ones, or it would keep what its driver has forgotten. */
  get module(): QuinnModule {
    return this.endpoint.module;
  }

  get isFull(): boolean {
    if (this.endpoint.size < this.rules.settings.maxConnections || this.strangers.size > 0) return false;
    this.events.boundHit('quicConnections');
    return true;
  }

  /** For the stats of a server. */
  get bounds(): readonly ListenerBound[] {
    const { strangers, endpoint } = this;
    const { maxConnections, maxHandshakes, maxHandshakesPerAddress: perAddress } = this.rules.settings;
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
    const rules = readRules(settings);
    configure(this.endpoint.module, rules);
    this.rules = rules;
  }

  renewModule(failure: Error): QuinnModule | undefined {
    this.events.missed(new TransportError(`QUIC has failed inside: ${failure.message}`, { cause: failure }));
    try {
      const module = new QuinnModule(this.code, this.secret);
      configure(module, this.rules);
      return module;
    } catch (error) {
      this.events.failed(new TransportError('QUIC cannot go on after it has failed inside', { cause: error }));
      return undefined;
    }
  }

  close(): void {
    // Each handshake that it ends is told to an application, which may close again.
    if (this.closed) return;
    this.closed = true;
    this.endpoint.stopListening(new ClosedError(`listener ${this.address} is closed`));
  }

  newcomer(datagram: Buffer, from: RemoteInfo): void {
    if (this.closed || this.isFull) return;
    const { module } = this.endpoint;
    const { newcomerHasProved: hasProved } = module;
    if (!hasProved && module.newcomerMayRetry && this.wantsProof) {
      this.endpoint.answer(module.retry(), from);
      return;
    }
    const addressGroup = hostGroup(from.address);
    // A client repeats what has had no answer.
    if (!this.strangers.mayCome(addressGroup) || !this.makeRoom()) return;
    // Making room has told the application, which may have closed this socket.
    if (this.closed) return;
    const index = module.accept();
    if (index >= 0) this.begin(index, addressGroup, from, { datagram, hasProved });
    else this.refused(from);
  }

  private get wantsProof(): boolean {
    const { retry } = this.rules.settings;
    return retry === 'always' || (retry === 'auto' && this.handshakeLoad >= LOAD_FOR_RETRY);
  }

  /** A handshake that has failed with its first datagram. */
  private refused(from: RemoteInfo): void {
    const { loss, answerBytes } = this.endpoint.module.acceptFailure();
    this.endpoint.answer(answerBytes, from);
    this.handshakeFailed(formatAddress(from.address, from.port), lossError(loss, 'the peer refuses'));
  }

  failed(error: NodeJS.ErrnoException): void {
    if (error.code !== undefined && OF_ONE_PEER.has(error.code)) return;
    this.events.missed(error);
  }

  lost(): void {
    if (!this.closed) this.events.failed(new Error('the UDP socket was closed'));
  }

  /** It was closed before. */
  unused(): void {}

  private begin(
    index: number,
    addressGroup: string | undefined,
    from: RemoteInfo,
    first: { readonly datagram: Buffer; readonly hasProved: boolean },
  ): void {
    const { events, endpoint } = this;
    // A handshake ends by the rules that it began with.
    const { settings } = this.rules;
    const stranger: Stranger = {
      addressGroup,
      hasSpoken: () => driven.hasProvedAddress,
      makeRoom: () => guard(driven, () => driven.end(new TransportError(MADE_ROOM))),
    };
    this.underWay++;
    const driven: ConnectionDriver = new ConnectionDriver(
      {
        endpoint,
        module: endpoint.module,
        index,
        peer: { host: from.address, port: from.port },
        isClient: false,
        settings,
        connected: (stream) => {
          this.underWay--;
          this.strangers.finished(stranger);
          events.connected(stream, settings.clientCertificates !== 'none');
        },
        failed: (error) => {
          this.underWay--;
          this.strangers.delete(stranger);
          this.handshakeFailed(driven.remoteAddress, error as TransportError);
        },
      },
      first,
    );
    this.strangers.add(stranger);
    endpoint.readSoon(driven);
  }

  private handshakeFailed(whose: string, error: TransportError): void {
    this.countFailure();
    const { rawMessage, isRetryable } = error;
    this.events.handshakeFailed(new TransportError(`${whose}: ${rawMessage}`, { cause: error, isRetryable }));
  }

  /** @returns whether there is a place for one more connection */
  private makeRoom(): boolean {
    if (this.endpoint.size < this.rules.settings.maxConnections) return true;
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

function readRules({ credentials, clientRoots, ...settings }: ServerSettings): Rules {
  return {
    settings,
    identity: readIdentity(credentials),
    clientRoots: clientRoots === undefined ? [] : readRoots(clientRoots),
  };
}

/** @throws UsageError when the library refuses the credentials */
function configure(module: QuinnModule, { settings, identity, clientRoots }: Rules): void {
  module.configure(settings, 1);
  module.identify(identity);
  module.trust(clientRoots);
  // Without retries no client is asked to prove its address, and none needs a token for the next time.
  module.listen(settings.clientCertificates, settings.retry === 'never' ? 0 : 1);
  if (settings.keyLogFile !== undefined) module.onKeyLog = KeyLogFile.at(settings.keyLogFile).write;
}
