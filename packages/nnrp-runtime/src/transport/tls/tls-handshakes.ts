import type { Socket } from 'node:net';
import type { Server, TLSSocket, TlsOptions } from 'node:tls';
import { isNnrpError, type NnrpError, TransportError } from 'nnrp-core';
import { afterThis, type Guarded, listen } from '../../base/guard.js';
import { nodeTls } from '../../base/node-modules.js';
import { Patience } from '../../base/time/patience.js';
import { warn } from '../../base/warn.js';
import { formatAddress } from '../address/address.js';
import { hostGroup } from '../address/address-group.js';
import type { ListenerBound, ListenerBoundName } from '../contract/contract.js';
import { boundOf, type Stranger, type StrangerLimits, Strangers } from '../listening/strangers.js';
import { WaitingLine } from '../listening/waiting-line.js';
import { describeForeign, lookAtFirstBytes, refuseWithoutTls } from './first-bytes.js';
import { RecordWatch } from './record-watch.js';
import { hasExpired } from './tls-credentials.js';
import { describeTlsFailure, isTlsRefusal } from './tls-failure.js';
import { TLS_ALPN, type TlsServerSettings } from './tls-options.js';

/** What a handshake goes by: everything of the settings but certificate and key, which node:tls has. */
export type HandshakeRules = Omit<TlsServerSettings, 'tls'>;

interface Handshake extends Stranger {
  readonly connection: Socket;
  readonly patience: Patience;
}

/** How each of the bounds is called in the stats of a server. */
const BOUND_NAMES: { readonly [Bound in keyof StrangerLimits]: ListenerBoundName } = {
  inAll: 'tlsHandshakes',
  perAddress: 'addressTlsHandshakes',
};

/**
 * Handshakes of a server: each runs by itself, within a bounded time whatever the peer sends, and ends in exactly one
 * call, of `secured` or of `onHandshakeFailure`. When there are as many as there may be, in all or of one address, the one
 * that has waited longest is cut for the newcomer, those first of which nothing has come, once it has had its
 * time; until then the newcomer waits.
 */
export class TlsHandshakes implements Guarded {
  private server: Server;
  private rules: HandshakeRules;
  /** By both ends' addresses: a TLS socket does not tell which connection it was made over. */
  private readonly underWay = new Map<string, Handshake>();
  private readonly strangers: Strangers<Handshake>;
  private readonly line: WaitingLine<Handshake>;
  private readonly records = new RecordWatch(this);
  private closed = false;
  private boundHit: ((name: ListenerBoundName) => void) | undefined;

  /** @param secured - gets a connection whose handshake is complete; errors have a listener only if it adds one */
  constructor(
    { tls, ...rules }: TlsServerSettings,
    private readonly secured: (socket: TLSSocket, remoteAddress: string, rules: HandshakeRules) => void,
  ) {
    this.rules = rules;
    this.strangers = new Strangers(rules.limits, (bound) => this.boundHit?.(BOUND_NAMES[bound]));
    this.line = new WaitingLine(this, this.strangers, 'waitingTlsHandshakes', (address) =>
      this.report(new TransportError(`${address}: ${MADE_ROOM}`)),
    );
    this.server = this.serverFor(tls, rules);
  }

  /**
   * Handshakes that begin from now on go by these settings; those under way end as they began. A session of TLS that was
   * begun before cannot be taken up again: its ticket belongs to the old settings.
   */
  renew({ tls, ...rules }: TlsServerSettings): void {
    this.server = this.serverFor(tls, rules);
    this.rules = rules;
    this.strangers.limit(rules.limits);
  }

  /** What a renewal leaves as it is. */
  get settings(): HandshakeRules {
    return this.rules;
  }

  /** @internal A handshake has failed over an error of the runtime's own; its connection is cut where it happened. */
  crashed(error: unknown): void {
    warn('a TLS handshake was lost to an internal error of the listener', error);
  }

  /** It does not listen; connections are put in by hand, so that they can be counted and timed. */
  private serverFor(tls: TlsOptions, rules: HandshakeRules): Server {
    const server = nodeTls().createServer(tls);
    // Its secure context is what it works with; the key in readable form would only show up in a log.
    Object.assign(server, { key: undefined, passphrase: undefined });
    listen(this, server, 'secureConnection', (socket: TLSSocket) => {
      try {
        this.complete(socket, rules);
      } catch (error) {
        socket.destroy();
        throw error;
      }
    });
    listen(this, server, 'tlsClientError', (error: Error, socket: TLSSocket) => this.failed(error, socket, rules));
    return server;
  }

  /** Handshakes that have begun and not ended. */
  get size(): number {
    return this.underWay.size;
  }

  /** For the stats of a server. A renewal that changes them is not seen there. */
  get bounds(): readonly ListenerBound[] {
    const { inAll, perAddress } = this.rules.limits;
    const { strangers } = this;
    return [
      { name: BOUND_NAMES.inAll, scope: 'server', bound: boundOf(inAll), value: () => strangers.size },
      {
        name: BOUND_NAMES.perAddress,
        scope: 'address',
        bound: boundOf(perAddress),
        value: () => strangers.mostOfAnAddress,
      },
      this.line.bound,
    ];
  }

  /** Told of each handshake that was cut for another one. */
  set onBoundHit(told: ((name: ListenerBoundName) => void) | undefined) {
    this.boundHit = told;
    this.line.onBoundHit = told;
  }

  /** Begins the handshake on a connection that has not been read from. */
  begin(connection: Socket): void {
    const { remoteAddress } = connection;
    if (this.closed || remoteAddress === undefined) {
      connection.destroy();
      if (!this.closed) this.report(new TransportError('a peer vanished before the handshake'));
      return;
    }
    const addressGroup = hostGroup(remoteAddress);
    const bound = this.strangers.boundOf(addressGroup);
    if (bound === undefined) {
      this.start(connection, addressGroup);
      return;
    }
    this.boundHit?.(BOUND_NAMES[bound]);
    this.line.add(connection, addressGroup, () => this.start(connection, addressGroup));
  }

  private start(connection: Socket, addressGroup: string | undefined): void {
    const ends = endsOf(connection);
    if (ends === undefined) {
      connection.destroy();
      return;
    }
    const address = formatAddress(connection.remoteAddress ?? 'unknown', connection.remotePort ?? 0);
    const handshake: Handshake = {
      connection,
      // Not the timeout of the socket, which a peer prolongs with every byte.
      patience: new Patience(this, this.rules.handshakeTimeoutMs, () => connection.destroy()),
      addressGroup,
      hasSpoken: () => connection.bytesRead > 0,
      makeRoom: () => this.cut(ends, handshake, address),
    };
    this.strangers.add(handshake);
    this.underWay.set(ends, handshake);
    listen(this, connection, 'close', () => this.end(ends, handshake));
    // A peer that ends its direction within the handshake is gone.
    connection.allowHalfOpen = false;
    this.look(ends, handshake, address);
  }

  /** Gives the connection to node:tls when the peer has begun to speak TLS. */
  private look(ends: string, handshake: Handshake, address: string): void {
    const { connection } = handshake;
    const { server, rules } = this;
    lookAtFirstBytes(connection, {
      crashed: (error) => {
        connection.destroy();
        this.crashed(error);
      },
      handshake: () => server.emit('connection', connection),
      foreign: (start) => {
        this.end(ends, handshake);
        refuseWithoutTls(connection);
        const text = `${address}: ${describeForeign(start)}`;
        this.report(new TransportError(text, { isRetryable: false }), rules);
      },
      silent: (error) => {
        const text = `${address}: ${notCompleted(rules)}`;
        this.report(isNnrpError(error) ? error : new TransportError(text, { cause: error }), rules);
      },
    });
  }

  /** Cuts the handshakes that are under way; nothing is reported of them. */
  close(): void {
    this.closed = true;
    for (const { connection } of [...this.underWay.values()]) connection.destroy();
    this.line.close();
  }

  private cut(ends: string, handshake: Handshake, address: string): void {
    const { connection } = handshake;
    this.end(ends, handshake);
    // node:tls hands it on with the end.
    listen(this, connection, 'error', () => {});
    connection.destroy(new TransportError(`${address}: ${MADE_ROOM}`));
  }

  private complete(socket: TLSSocket, rules: HandshakeRules): void {
    const { remoteAddress, remotePort } = socket;
    const ends = endsOf(socket);
    const handshake = ends === undefined ? undefined : this.underWay.get(ends);
    // A peer that is gone by now has no address; its connection will close and be forgotten then.
    if (ends !== undefined && handshake !== undefined) {
      this.strangers.finished(handshake);
      this.end(ends, handshake);
    }
    const address = formatAddress(remoteAddress ?? 'unknown', remotePort ?? 0);
    // Of a listener that is closed, nothing is reported.
    const refusal = this.closed ? '' : refusalOf(socket, rules);
    if (refusal !== undefined) {
      listen(this, socket, 'error', () => {});
      socket.destroy();
      this.report(new TransportError(`${address}: ${refusal}`, { isRetryable: false }), rules);
      return;
    }
    // From here on a peer may end its direction first, and still gets its answers.
    socket.allowHalfOpen = true;
    if (handshake !== undefined) this.records.add(handshake.connection, socket);
    this.secured(socket, address, rules);
  }

  private failed(error: Error, socket: TLSSocket, rules: HandshakeRules): void {
    if (isNnrpError(error)) {
      this.report(error, rules);
      return;
    }
    const { remoteAddress, remotePort } = socket;
    const peer = remoteAddress === undefined ? 'a peer' : formatAddress(remoteAddress, remotePort ?? 0);
    // Node says ECONNRESET when it has refused the certificate itself, and when the connection ended in whatever way.
    const refusal = socket.authorizationError as unknown as string | null | undefined;
    const cut = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    const isRetryable = !refusal && !isTlsRefusal(error);
    const why = cut && !refusal ? notCompleted(rules) : describeTlsFailure(error, refusal ?? undefined);
    this.report(new TransportError(`${peer}: ${why}`, { cause: error, isRetryable }), rules);
  }

  private end(ends: string, handshake: Handshake): void {
    handshake.patience.end();
    this.strangers.delete(handshake);
    // A later connection may have come from the same port already.
    if (this.underWay.get(ends) === handshake) this.underWay.delete(ends);
    this.line.lookSoon();
  }

  /** What the application's function throws must not unwind a socket's event. */
  private report(error: NnrpError, { onHandshakeFailure }: HandshakeRules = this.rules): void {
    if (!this.closed) afterThis(this, () => onHandshakeFailure(error));
  }
}

function notCompleted({ handshakeTimeoutMs }: HandshakeRules): string {
  return `the handshake was not completed: the peer went, or took longer than ${handshakeTimeoutMs} ms`;
}

/** What node:tls takes, and the rules do not. */
function refusalOf(socket: TLSSocket, { requireAlpn, kept }: HandshakeRules): string | undefined {
  if (requireAlpn && socket.alpnProtocol !== TLS_ALPN) return `ALPN: the peer has not agreed on ${TLS_ALPN}`;
  const isOld = kept.clientCertificates === 'require' && socket.isSessionReused();
  if (!isOld || !hasExpired(socket.getPeerX509Certificate())) return undefined;
  return describeTlsFailure(new Error(), 'CERT_HAS_EXPIRED');
}

const MADE_ROOM = 'the handshake made room for others that have begun since';

function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress}`;
}
