import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { shownWord, UsageError } from 'nnrp-core';
import { type Guarded, guard, listen, warn } from 'nnrp-runtime/transport';
import { refuse } from './refusal.js';

type Server = HttpServer | HttpsServer;

/** What takes the upgrades at one path. */
export interface UpgradePath {
  readonly path: string;
  isFor(request: IncomingMessage): boolean;
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
}

/**
 * The upgrades of an HTTP server of the application's, at all paths at which NNRP is spoken there: one listener for all of them, so
 * that none takes another for the application, which would leave an upgrade at no path to nothing.
 */
export class HttpUpgrades implements Guarded {
  private readonly paths: UpgradePath[] = [];
  private readonly onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer) =>
    guard(this, () => this.upgrade(request, socket, head));

  private constructor(private readonly server: Server) {}

  /** @returns takes it off again @throws UsageError when the path is taken */
  static add(server: Server, path: UpgradePath): () => void {
    const upgrades = ofServers.get(server) ?? new HttpUpgrades(server);
    ofServers.set(server, upgrades);
    return upgrades.add(path);
  }

  /** For the guard: an upgrade has failed where nothing pays for it. */
  crashed(error: unknown): void {
    warn('a connection was lost to an internal error of the listener', error);
  }

  private add(added: UpgradePath): () => void {
    if (this.paths.some(({ path }) => path === added.path))
      throw new UsageError(`path: NNRP is spoken at ${shownWord(added.path)} of this server already`);
    if (this.paths.length === 0) this.server.on('upgrade', this.onUpgrade);
    this.paths.push(added);
    return () => {
      const at = this.paths.indexOf(added);
      if (at < 0) return;
      this.paths.splice(at, 1);
      if (this.paths.length > 0) return;
      this.server.off('upgrade', this.onUpgrade);
      ofServers.delete(this.server);
    };
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const path = this.paths.find((one) => one.isFor(request));
    if (path !== undefined) {
      path.upgrade(request, socket, head);
      return;
    }
    // Node has taken its own listener off, and an error without any would end the process.
    listen(this, socket, 'error', () => {});
    // Without this listener Node would have ended it: an upgrade that nothing else listens to would stay for ever.
    if (this.server.listenerCount('upgrade') > 1) return;
    refuse(this, socket, { status: 404, text: 'there is nothing at this path to upgrade to' });
  }
}

/** One for all copies of this package in a process: two of them may share a server. */
const KEY = Symbol.for('nnrp.websocket.upgrades');
const shared = globalThis as { [KEY]?: WeakMap<Server, HttpUpgrades> };
shared[KEY] ??= new WeakMap();
const ofServers = shared[KEY];
