import dns from 'node:dns';
import net, { isIP, isIPv6, type Socket } from 'node:net';
import { printable, TransportError } from 'nnrp-core';
import { afterThis, type Guarded, later, listen } from '../../base/guard.js';
import { formatAddress, type HostPort } from '../address/address.js';
import { type ConnectAttempt, describeAttempts } from '../listening/connect-failure.js';
import { raceTimes } from './racing-connector.js';

/** What a socket may be told before it connects. */
export interface DialOptions {
  readonly noDelay?: boolean;
  readonly allowHalfOpen?: boolean;
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
}

/** What waits for the socket. One of the two methods is called, and neither after `end`. */
export interface Dialed {
  connected(socket: Socket): void;
  /** @param error - of the one address, or with all of them as `errors` */
  failed(error: Error): void;
}

/**
 * Connects a TCP socket to the first address of a host that answers. The attempts go on beside each other, as RFC 8305 has them: Node by
 * itself gives up each but the last after 250 ms, which no address can answer within that is far away, or whose first packet was lost.
 */
export class Dialing implements Guarded {
  private readonly attempts = new Map<string, ConnectAttempt>();
  private readonly sockets = new Set<Socket>();
  private addresses: readonly string[] = [];
  private started = 0;
  private timer: ReturnType<typeof later> | undefined;
  private answered: string | undefined;
  private isOver = false;

  /** @param connectTimeoutMs - what all of it may take; the caller looks after that */
  constructor(
    private readonly target: HostPort,
    private readonly connectTimeoutMs: number,
    private readonly options: DialOptions,
    private readonly dialed: Dialed,
  ) {
    const { host } = target;
    if (isIP(host) !== 0) this.found([host]);
    // A function of the application's in its place may answer at once, before the caller has what it was called for.
    else
      dns.lookup(host, { all: true }, (error, addresses) =>
        afterThis(this, () => {
          if (this.isOver) return;
          if (error) this.fail(error);
          else this.found([...new Set(byTurns(addresses.map(({ address }) => address)))]);
        }),
      );
  }

  /** @internal What the caller has thrown counts, too, when it was given a socket. */
  crashed(error: unknown): void {
    this.end();
    this.dialed.failed(error as Error);
  }

  /** Gives up, unless it is over. The socket that was handed out belongs to the caller. */
  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  /** How far it has come, for the message when time is up. */
  describe(): string {
    if (this.answered !== undefined) return `${this.answered} has taken the connection, and said nothing since`;
    if (this.attempts.size === 0) return `the name '${printable(this.target.host, 255)}' is still being looked up`;
    return describeAttempts(this.target, [...this.attempts.values()]);
  }

  private found(addresses: readonly string[]): void {
    this.addresses = addresses;
    if (addresses.length > 0) this.startNext();
    else this.fail(withoutAddress(this.target.host));
  }

  private startNext(): void {
    clearTimeout(this.timer);
    const address = this.addresses[this.started];
    if (this.isOver || address === undefined) return;
    this.started++;
    const { port } = this.target;
    this.attempts.set(address, { address, port });
    const socket = net.createConnection({ ...this.options, host: address, port });
    this.sockets.add(socket);
    listen(this, socket, 'error', (error: Error) => this.lost(socket, { address, port, error }));
    listen(this, socket, 'connect', () => this.won(socket, formatAddress(address, port)));
    if (this.started === this.addresses.length) return;
    const { headStartMs } = raceTimes(this.connectTimeoutMs, this.addresses.length);
    this.timer = later(this, headStartMs, () => this.startNext());
  }

  private won(socket: Socket, address: string): void {
    if (this.isOver) return;
    this.answered = address;
    this.sockets.delete(socket);
    this.end();
    try {
      this.dialed.connected(socket);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Errors of a socket that was handed out come here too, and belong to the caller. */
  private lost(socket: Socket, attempt: ConnectAttempt & { readonly address: string; readonly error: Error }): void {
    if (this.isOver) return;
    this.attempts.set(attempt.address, attempt);
    this.sockets.delete(socket);
    if (this.started < this.addresses.length) this.startNext();
    else if (this.sockets.size === 0) this.fail(failureOf([...this.attempts.values()]));
  }

  private fail(error: Error): void {
    if (this.isOver) return;
    this.end();
    this.dialed.failed(error);
  }
}

/** By a system call, as Node says that it does not find a name: the next attempt may, over TLS too. */
function withoutAddress(host: string): Error {
  const error = new TransportError(`the name '${printable(host, 255)}' has no address`);
  return Object.assign(error, { syscall: 'getaddrinfo' });
}

/** The families by turns, that of the first address first. @see RFC 8305 section 4 */
function byTurns(addresses: readonly string[]): string[] {
  const isOfFirst = (address: string) => isIPv6(address) === isIPv6(addresses[0] ?? '');
  const others = addresses.filter((address) => !isOfFirst(address));
  const mixed = addresses.filter(isOfFirst).flatMap((address, i) => [address, ...others.slice(i, i + 1)]);
  return [...mixed, ...others];
}

function failureOf(attempts: readonly ConnectAttempt[]): Error {
  const errors = attempts.flatMap(({ error }) => error ?? []);
  const [first] = errors;
  return errors.length === 1 && first !== undefined ? first : new AggregateError(errors, first?.message);
}
