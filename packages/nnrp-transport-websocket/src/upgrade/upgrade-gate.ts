import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { printable, TransportError } from 'nnrp-core';
import {
  type AcceptQueue,
  afterThis,
  describeTlsFailure,
  formatAddress,
  type Guarded,
  isThenable,
  listen,
  type PeerIdentity,
  SeldomWarning,
  settledOnce,
  warn,
} from 'nnrp-runtime/transport';
import { overWebSocket } from '../stream/websocket-transport.js';
import { SUBPROTOCOL } from '../websocket-options.js';
import { handshakeAnswer, handshakeFault } from './handshake.js';
import { identityFrom } from './identity.js';
import { type Refusal, refuse } from './refusal.js';
import type { ServerSettings } from './server-settings.js';
import { endsOf, WaitingPeers } from './waiting-peers.js';

const MAX_SHOWN_BYTES = 100;
/** Of what Node says of a head that it does not take, as it would answer by itself. */
const STATUSES: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** Lets upgrades in: path, form, origin, sub-protocol and identity are looked at, in this order, and then the upgrade is done. */
export class UpgradeGate implements Guarded {
  readonly waitingPeers: WaitingPeers;
  private readonly warning = new SeldomWarning();
  private isClosed = false;

  /** @param accepted - gets what has been let in */
  constructor(
    private readonly settings: ServerSettings,
    private readonly path: string,
    private readonly accepted: AcceptQueue,
  ) {
    const { limits, handshakeTimeoutMs } = settings;
    this.waitingPeers = new WaitingPeers(this, limits, handshakeTimeoutMs, (address, why) => this.report(address, why));
  }

  /** For the guard: the code of one upgrade has thrown; its socket is cut where it happened. */
  crashed(error: unknown): void {
    warn('a WebSocket upgrade was lost to an internal error of the listener', error);
  }

  /** Whether a request is for this gate; anything else belongs to the application. */
  isFor({ url = '' }: IncomingMessage): boolean {
    // Some proxies leave the whole URL where its path belongs: @see RFC 9112 section 3.2.2.
    const target = url.replace(/^(https?|wss?):\/\/[^/?#]*/i, '');
    const end = target.search(/[?#]/);
    return ((end < 0 ? target : target.slice(0, end)) || '/') === this.path;
  }

  /** An upgrade of the http server. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    // From here on nothing else looks at it, and an error without a listener would end the process.
    listen(this, socket, 'error', () => {});
    this.waitingPeers.asks(socket);
    try {
      const refusal = this.refusalOf(request);
      if (refusal === undefined) this.identify(request, socket, head);
      else this.refuse(socket, refusal);
    } catch (error) {
      this.failed(socket, 'the application has failed over the upgrade', error);
    }
  }

  /** What came is no request of HTTP, or no TLS, or Node does not take its head. @param error - of `clientError` */
  noRequest(socket: Socket, error: NodeJS.ErrnoException): void {
    const { code = '' } = error;
    if (/^(?:HPE|ERR_HTTP)_/.test(code)) {
      this.refuse(socket, { status: STATUSES[code] ?? 400, text: `expected a request of HTTP (${code})` });
      return;
    }
    // A peer that has left gets no answer.
    if (code.startsWith('ERR_SSL_')) this.tell(socket, describeTlsFailure(error, code), error);
    socket.destroy();
  }

  /** Lets nothing in any more, and cuts what is on the way. */
  close(): void {
    this.isClosed = true;
    this.waitingPeers.close();
  }

  private refusalOf(request: IncomingMessage): Refusal | undefined {
    const { headers } = request;
    if (this.isClosed) return { status: 503, text: 'this server takes no more connections' };
    if (!this.isFor(request)) return { status: 404, text: 'NNRP is not spoken at this path' };
    const fault = handshakeFault(request);
    if (fault !== undefined) return fault;
    const { origin } = headers;
    if (origin !== undefined && !this.settings.mayConnect(origin, request)) {
      return { status: 403, text: `pages of the origin ${shown(origin)} may not connect; see the option origins` };
    }
    const offered = headers['sec-websocket-protocol'];
    if (offered === undefined ? this.settings.requireSubprotocol : !offersOurs(offered)) {
      const got = offered === undefined ? 'none' : shown(offered);
      return { status: 400, text: `expected the sub-protocol ${SUBPROTOCOL} to be offered, got ${got}` };
    }
    const { bound, value } = this.accepted.bound;
    if (value() < bound) return undefined;
    this.accepted.onBoundHit?.('acceptQueue');
    return { status: 503, text: 'too many wait to be accepted; try again later' };
  }

  private identify(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { identify } = this.settings;
    if (identify === undefined) {
      this.complete(request, socket, head, undefined);
      return;
    }
    const answer = identify(request);
    if (!isThenable(answer)) {
      this.identified(request, socket, head, answer);
      return;
    }
    const failed = (error: unknown) => this.failed(socket, 'the function identify has rejected', error);
    settledOnce(answer as PromiseLike<never>).then((value: unknown) => {
      try {
        this.identified(request, socket, head, value);
      } catch (error) {
        failed(error);
      }
    }, failed);
  }

  private identified(request: IncomingMessage, socket: Socket, head: Buffer, answer: unknown): void {
    if (socket.destroyed) return;
    if (answer === false) this.refuse(socket, { status: 401, text: 'the server does not know this client' });
    else if (this.isClosed) this.refuse(socket, { status: 503, text: 'this server takes no more connections' });
    else this.complete(request, socket, head, identityFrom(answer));
  }

  private complete(request: IncomingMessage, socket: Socket, head: Buffer, identity: PeerIdentity | undefined): void {
    // It has ended its side already.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    const offered = request.headers['sec-websocket-protocol'];
    socket.write(handshakeAnswer(request, offered === undefined ? undefined : SUBPROTOCOL));
    this.waitingPeers.upgraded(endsOf(socket));
    const facts = { remoteAddress: addressOf(socket), isServer: true, head };
    this.accepted.add(overWebSocket(socket, facts, this.settings.transport, identity));
  }

  private refuse(socket: Socket, refusal: Refusal): void {
    this.tell(socket, `${refusal.status}: ${refusal.text}`);
    refuse(this, socket, refusal);
  }

  private failed(socket: Socket, what: string, error: unknown): void {
    this.tell(socket, what, error);
    this.warning.say(`a WebSocket upgrade is refused: ${what}`, error);
    refuse(this, socket, { status: 500, text: 'the server has failed over this upgrade' });
  }

  /** Once for each of them. */
  private tell(socket: Socket, why: string, cause?: unknown): void {
    if (this.waitingPeers.tell(endsOf(socket))) this.report(addressOf(socket), why, cause);
  }

  /** What the application's function throws must not unwind a socket's event. */
  private report(address: string, why: string, cause?: unknown): void {
    if (this.isClosed) return;
    const error = new TransportError(`${address}: ${why}`, {
      isRetryable: false,
      ...(cause !== undefined && { cause }),
    });
    afterThis(this, () => this.settings.handshakeFailed(error));
  }
}

function offersOurs(offered: string): boolean {
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
}

/** Of a stranger: it goes into messages. */
function shown(text: string): string {
  return `'${printable(text, MAX_SHOWN_BYTES)}'`;
}

function addressOf({ remoteAddress = 'unknown', remotePort = 0 }: Socket): string {
  return formatAddress(remoteAddress, remotePort);
}
