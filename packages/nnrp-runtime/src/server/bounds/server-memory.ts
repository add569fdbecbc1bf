import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import { SharedBudget } from './shared-budget.js';
import { ConnectionWaiting, ServerWaiting, type WaitingOwner } from './waiting-bytes.js';

/** Bytes of requests for sessions without a decision, and of packets behind them, before their connection is not read. */
export const MAX_OPENING_BYTES = 1024 * 1024;

/** The memory of a server that its clients fill, bounded over all connections. */
export class ServerMemory {
  readonly cache: SharedBudget;
  readonly queue: ServerWaiting;
  readonly opening: ServerWaiting;
  private hello = 0;

  constructor(
    private readonly config: NnrpServerConfig,
    private readonly bounds: Pick<ServerBounds, 'hit'>,
  ) {
    this.cache = new SharedBudget('serverCacheBytes', config.maxCacheBytesTotal);
    this.queue = new ServerWaiting('serverQueuedBytes', config.maxQueuedBytesTotal, bounds);
    this.opening = new ServerWaiting('serverOpeningBytes', config.maxOpeningBytesTotal, bounds);
  }

  /** Bytes of authentication that is kept. */
  get helloBytes(): number {
    return this.hello;
  }

  /**
   * A connection has sent so much authentication. Half of the room is kept for connections that send no more than their
   * share of it: they are never refused.
   *
   * @returns whether it may be kept
   */
  keepHello(bytes: number): boolean {
    const half = this.config.maxHelloBytesTotal / 2;
    if (bytes > half / this.config.maxConnections && this.hello + bytes > half) {
      this.bounds.hit('serverHelloBytes');
      return false;
    }
    this.hello += bytes;
    return true;
  }

  forgetHello(bytes: number): void {
    this.hello -= bytes;
  }
}

/** The part of one connection. */
export class ConnectionMemory {
  readonly queue: ConnectionWaiting;
  private ownCache: SharedBudget | undefined;
  private ownOpening: ConnectionWaiting | undefined;
  private hello = 0;

  constructor(
    private readonly server: ServerMemory,
    private readonly config: NnrpServerConfig,
    private readonly owner: WaitingOwner,
  ) {
    const { maxQueuedBytesPerConnection } = config;
    this.queue = new ConnectionWaiting('connectionQueuedBytes', maxQueuedBytesPerConnection, server.queue, owner);
  }

  /** Made when first asked for, like the next one: most connections put no objects, and most policies answer at once. */
  get cache(): SharedBudget {
    const { config, server } = this;
    this.ownCache ??= new SharedBudget('connectionCacheBytes', config.maxCacheBytesPerConnection, server.cache);
    return this.ownCache;
  }

  get opening(): ConnectionWaiting {
    const { server, owner } = this;
    this.ownOpening ??= new ConnectionWaiting('connectionOpeningBytes', MAX_OPENING_BYTES, server.opening, owner);
    return this.ownOpening;
  }

  /** @returns whether the authentication of the hello may be kept */
  keepHello(bytes: number): boolean {
    if (!this.server.keepHello(bytes)) return false;
    this.hello += bytes;
    return true;
  }

  /** The connection is over, and every session has given back what it had, but for what handlers hold still. */
  end(): void {
    this.queue.end();
    this.ownOpening?.forget();
    this.server.forgetHello(this.hello);
    this.hello = 0;
  }
}
