import { randomBytes } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { isNnrpError, TimeoutError, TransportError } from 'nnrp-core';
import {
  type ConnectAttempt,
  checkServerName,
  describeAttempts,
  type HostPort,
  reachableHost,
  tlsServerName,
} from 'nnrp-runtime/transport';
import { BAD_CERTIFICATE } from '../close-codes.js';
import type { ClientSettings, QuicClientSocket, QuicStream } from '../engine.js';
import { addressWords } from '../module/address-words.js';
import { beginLoading, loadModule } from '../module/load-module.js';
import { type Identity, type Root, SECRET_BYTES } from '../module/module-facts.js';
import { QuinnModule } from '../module/quinn-module.js';
import { firstToSucceed } from '../udp/first-to-succeed.js';
import { resolveHost } from '../udp/resolve-host.js';
import { UdpSocket, withoutZone } from '../udp/udp-socket.js';
import { ConnectionDriver } from './connection-driver.js';
import { Endpoint } from './endpoint.js';
import { readIdentity, readRoots } from './identity.js';
import { KeyLogFile } from './key-log-file.js';

/** What a connected socket reports when the other machine has no such port open. */
const NOTHING_LISTENS = new Set(['ECONNREFUSED', 'ECONNRESET']);

/** Sockets left for another port that only wait for late packets; each has memory of the module's. */
const MAX_LEFT = 8;
/** Addresses that a token is kept for; a name may stand for others each time. */
const MAX_TOKENS = 64;

/** What is kept of the settings as they are: the private key is not among it. */
type ClientRules = Omit<ClientSettings, 'credentials' | 'roots'>;

/** Connections to one server: those to the same address share a UDP socket. */
export class QuinnClientSocket implements QuicClientSocket {
  private readonly serverName: string;
  private readonly settings: ClientRules;
  private readonly identity: Identity | undefined;
  private readonly roots: readonly Root[];
  private readonly endpoints = new Map<string, Promise<Endpoint>>();
  /** What the server has given on sockets that are closed, for the next one to the same address. */
  private readonly tokens = new Map<string, Uint8Array>();
  /** Sockets that were left for another port, and are not closed yet. */
  private readonly left = new Set<Endpoint>();

  constructor(
    private readonly server: HostPort,
    settings: ClientSettings,
  ) {
    const { credentials, roots, ...rules } = settings;
    this.settings = rules;
    this.identity = credentials === undefined ? undefined : readIdentity(credentials);
    this.roots = roots === undefined ? [] : readRoots(roots);
    this.serverName = withoutZone(settings.serverName ?? tlsServerName(server.host));
  }

  async connect(giveUp: AbortSignal = new AbortController().signal): Promise<QuicStream> {
    beginLoading();
    // A name may stand for all addresses of this machine, too; answers would come from another one.
    const found = await resolveHost(this.server.host);
    const addresses = [...new Set(found.map(reachableHost))];
    giveUp.throwIfAborted();
    const { bindAddress } = this.settings;
    const family = bindAddress === undefined ? 0 : isIP(withoutZone(bindAddress.host));
    const fitting = family === 0 ? addresses : addresses.filter((address) => isIP(withoutZone(address)) === family);
    if (fitting.length === 0) {
      throw new TransportError(`bindAddress: it is IPv${family}, but the server has ${addresses.join(', ')} only`);
    }
    const attempts = new Map<string, ConnectAttempt>();
    const attempt = async (address: string, signal: AbortSignal) => {
      attempts.set(address, { address });
      try {
        return await this.connectTo(address, signal);
      } catch (error) {
        // What was given up has not failed by itself.
        if (!signal.aborted) attempts.set(address, { address, error: error as Error });
        throw error;
      }
    };
    try {
      return await firstToSucceed(
        fitting.map((address) => (signal) => attempt(address, signal)),
        (stream) => stream.destroy(),
        giveUp,
      );
    } catch (error) {
      throw this.failure(error, [...attempts.values()]);
    }
  }

  /** The error with every address that was tried; as it is where the address is all that was asked for. */
  private failure(error: unknown, attempts: readonly ConnectAttempt[]): unknown {
    const { host } = this.server;
    if (isNnrpError(error, 'NNRP_ERR_USAGE') || (attempts.length === 1 && attempts[0]?.address === host)) return error;
    const what = describeAttempts(this.server, attempts);
    if (isNnrpError(error, 'NNRP_ERR_TIMEOUT')) {
      const { rawMessage, timeoutMs } = error as TimeoutError;
      // One address, and the time that it took: the attempt says so itself.
      return new TimeoutError(what.includes(rawMessage) ? what : `${rawMessage}: ${what}`, timeoutMs);
    }
    return new TransportError(what, { cause: error, isRetryable: isRetryable(error) });
  }

  private async connectTo(address: string, signal: AbortSignal): Promise<QuicStream> {
    let endpoint = await this.endpoint(address);
    // Another attempt may have had it at the same time, given up, and closed it.
    while (endpoint.isClosed) endpoint = await this.endpoint(address);
    const { module } = endpoint;
    const peer = { host: address, port: this.server.port };
    let index: number;
    try {
      signal.throwIfAborted();
      index = module.connect(this.serverName, addressWords(address), peer.port);
    } catch (error) {
      endpoint.closeIfUnused();
      throw error;
    }
    return new Promise((resolve, reject) => {
      const driven = new ConnectionDriver({
        endpoint,
        module,
        index,
        peer,
        isClient: true,
        settings: this.settings,
        explain: (errorCode) => this.explain(module, errorCode),
        connected: (stream) => {
          signal.removeEventListener('abort', giveUp);
          resolve(stream);
        },
        failed: (error) => {
          signal.removeEventListener('abort', giveUp);
          reject(error);
        },
      });
      const giveUp = () => driven.giveUpHandshake(signal.reason as Error);
      signal.addEventListener('abort', giveUp);
      driven.flush();
    });
  }

  /**
   * The socket for this address. A new one is made when there is none, when the last connection has taken it along, and when a
   * connection was given up: a router may lead what comes from this port nowhere, for as long as something comes. It is not made
   * when many were left just now: a client that gives up again and again would have sockets without end.
   */
  private async endpoint(address: string): Promise<Endpoint> {
    for (;;) {
      let endpoint = this.endpoints.get(address);
      if (endpoint === undefined) {
        endpoint = this.bind(address);
        this.endpoints.set(address, endpoint);
      }
      const usable = await endpoint.then(
        (found) => !found.isClosed && !(found.isDoubtful && this.mayLeave(found)),
        () => undefined,
      );
      if (usable) return endpoint;
      if (this.endpoints.get(address) === endpoint) this.endpoints.delete(address);
      // It could not be bound, and the next attempt would not do better.
      if (usable === undefined) return endpoint;
      this.leave(address, await endpoint);
    }
  }

  /** Whether another port may be taken. One that others have left already is not counted twice. */
  private mayLeave(endpoint: Endpoint): boolean {
    if (!this.hasAnyPort) return false;
    if (this.left.has(endpoint)) return true;
    let waiting = 0;
    for (const one of this.left) if (one.onlyWaits) waiting++;
    return waiting < MAX_LEFT;
  }

  private leave(address: string, endpoint: Endpoint): void {
    if (!endpoint.isClosed) this.left.add(endpoint);
    this.keepToken(address, endpoint.module);
  }

  /** It has closed with its last connection: nothing of it is kept but the token. */
  private forget(address: string, endpoint: Endpoint): void {
    this.left.delete(endpoint);
    this.keepToken(address, endpoint.module);
    const current = this.endpoints.get(address);
    current?.then(
      (one) => {
        if (one === endpoint && this.endpoints.get(address) === current) this.endpoints.delete(address);
      },
      () => {},
    );
  }

  /** With a port of the application's there is no other one. */
  private get hasAnyPort(): boolean {
    return (this.settings.bindAddress?.port ?? 0) === 0;
  }

  private keepToken(address: string, module: QuinnModule): void {
    const token = module.takeToken();
    if (token === undefined) return;
    this.tokens.delete(address);
    this.tokens.set(address, token);
    const [oldest] = this.tokens.keys();
    if (this.tokens.size > MAX_TOKENS && oldest !== undefined) this.tokens.delete(oldest);
  }

  /** Each token is shown once: observers on the way cannot tell by it that two connections are of one client. */
  private showToken(address: string, module: QuinnModule): void {
    const token = this.tokens.get(address);
    if (token !== undefined) module.useToken(token);
    this.tokens.delete(address);
  }

  private async bind(address: string): Promise<Endpoint> {
    const any = isIPv6(withoutZone(address)) ? '::' : '0.0.0.0';
    const socket = await UdpSocket.bind(this.settings.bindAddress ?? { host: any, port: 0 });
    let module: QuinnModule;
    try {
      await this.aim(socket, address);
      module = await this.makeModule();
      this.showToken(address, module);
    } catch (error) {
      socket.close();
      throw error;
    }
    const endpoint: Endpoint = new Endpoint(module, socket, {
      listens: false,
      newcomer: () => {},
      // The socket has closed with its last connection; the next one gets another.
      renewModule: () => undefined,
      failed: (error) => {
        // Other errors concern single datagrams.
        if (error.code !== undefined && NOTHING_LISTENS.has(error.code)) endpoint.refuseAll(refused(error));
      },
      lost: () => {},
      unused: () => this.forget(address, endpoint),
    });
    return endpoint;
  }

  private async aim(socket: UdpSocket, address: string): Promise<void> {
    try {
      await socket.connect({ host: address, port: this.server.port });
    } catch (error) {
      throw new TransportError((error as Error).message, { cause: error });
    }
  }

  private async makeModule(): Promise<QuinnModule> {
    const { settings, identity, roots } = this;
    const module = new QuinnModule(await loadModule(), randomBytes(SECRET_BYTES));
    module.configure(settings, 0);
    if (identity !== undefined) module.identify(identity);
    module.trust(roots);
    module.dial(settings.verify);
    if (settings.keyLogFile !== undefined) module.onKeyLog = KeyLogFile.at(settings.keyLogFile).write;
    return module;
  }

  /** The library says of a certificate for another name no more than that it is bad. */
  private explain(module: QuinnModule, errorCode: number): string | undefined {
    if (errorCode !== BAD_CERTIFICATE) return undefined;
    const certificate = module.takeRefusedCertificate();
    return certificate === undefined ? undefined : checkServerName(this.serverName, certificate)?.message;
  }
}

function refused(error: NodeJS.ErrnoException): TransportError {
  return new TransportError(`nothing listens there (${error.code})`, { cause: error });
}

/** What was refused will be refused again; whatever else fails may be mended. */
function isRetryable(error: unknown): boolean {
  return !isNnrpError(error) || error.isRetryable;
}
