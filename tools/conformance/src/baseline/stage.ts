import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type * as preview3 from 'nnrp-core/preview3';
import {
  NnrpClient,
  type NnrpClientOptions,
  type NnrpClientSession,
  NnrpServer,
  type NnrpServerOptions,
  type NnrpServerSession,
  type ServeHandlers,
  type SessionOptions,
} from 'nnrp-runtime';
import { CheckFailure } from './checks.js';
import { type Lie, LyingProxy } from './lying-proxy.js';
import { openAckBytes, openBytes } from './wire-messages.js';
import { WirePeer } from './wire-peer.js';

/** A session extension block: type 0x8001, 8 zero bytes. */
const VENDOR_ENTRY = Uint8Array.of(0x01, 0x80, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** How the parts of a case meet. */
export interface StageOptions {
  /** Milliseconds that any single wait may take. */
  readonly patienceMs: number;
  /** Stands between both sides and lies; absent = they talk to each other. */
  readonly lie?: Lie;
}

/** Both ends of one session. */
export interface SessionPair {
  readonly server: NnrpServer;
  readonly session: NnrpServerSession;
  readonly client: NnrpClient;
  readonly clientSession: NnrpClientSession;
}

/** A client, and the socket that plays its server. */
export interface ScriptedServer {
  readonly client: NnrpClient;
  readonly peer: WirePeer;
}

/** What one case has started, all of it over TCP; `clear` ends it. */
export class Stage {
  private readonly servers: NnrpServer[] = [];
  private readonly clients: NnrpClient[] = [];
  private readonly peers: WirePeer[] = [];
  private readonly listeners: Server[] = [];
  private readonly proxies: LyingProxy[] = [];
  private readonly addresses = new Map<string, string>();

  constructor(private readonly options: StageOptions) {}

  /**
   * A live server of preview3 alone: it does not choose the revision by the hello. Deadlines are off unless asked for: a
   * busy machine must not drop work.
   */
  async serve(config: NnrpServerOptions = {}): Promise<NnrpServer> {
    const defaults = { revision: 'preview3', drainTimeoutMs: 0, deadlines: false } as const;
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { ...defaults, ...config });
    return this.owned(server);
  }

  /** A server that a case has bound itself. */
  owned(server: NnrpServer): NnrpServer {
    this.servers.push(server);
    return server;
  }

  /** A bare socket connected to the server. */
  async peer(server: NnrpServer): Promise<WirePeer> {
    const peer = await WirePeer.connect(await this.addressOf(server.localAddress, 'server'), this.options.patienceMs);
    this.peers.push(peer);
    return peer;
  }

  /** A bare socket with a session on it, and the server's side of the session. */
  async openPeer(
    server: NnrpServer,
    open: Partial<preview3.SessionOpen> = {},
    body?: Uint8Array,
  ): Promise<{ readonly peer: WirePeer; readonly session: NnrpServerSession }> {
    const peer = await this.peer(server);
    peer.send(openBytes(open, body));
    await peer.expect(8);
    return { peer, session: await this.within(server.accept(), 'a session to be accepted') };
  }

  /** `openPeer` of a peer that shows that it knows every message, by an entry of its own in the extension block. */
  openAnnounced(server: NnrpServer, open: Partial<preview3.SessionOpen> = {}): ReturnType<Stage['openPeer']> {
    return this.openPeer(server, { ...open, sessionExtensionBytes: VENDOR_ENTRY.length }, VENDOR_ENTRY);
  }

  /** A bare socket with a session that handlers work for. Announced, so that it is told why work fails. */
  async servedPeer(
    handlers: ServeHandlers,
    config: NnrpServerOptions = {},
  ): Promise<{ readonly peer: WirePeer; readonly session: NnrpServerSession }> {
    const server = await this.serve(config);
    const opened = new Promise<NnrpServerSession>((resolve) => {
      server.serve({ ...handlers, session: (session) => resolve(session) }).catch(() => {});
    });
    const peer = await this.peer(server);
    peer.send(openBytes({ sessionExtensionBytes: VENDOR_ENTRY.length }, VENDOR_ENTRY));
    await peer.expect(8);
    return { peer, session: await this.within(opened, 'a session to be served') };
  }

  async connect(server: NnrpServer, config: NnrpClientOptions = {}): Promise<NnrpClient> {
    return this.connectTo(server.localAddress, 'server', config);
  }

  /** A session of our client with our server. */
  async session(
    config: NnrpServerOptions = {},
    options: SessionOptions = {},
    clientConfig: NnrpClientOptions = {},
  ): Promise<SessionPair> {
    const server = await this.serve(config);
    const client = await this.connect(server, clientConfig);
    const clientSession = await this.within(client.openSession(options), 'a session to be opened');
    return { server, client, clientSession, session: await this.within(server.accept(), 'a session to be accepted') };
  }

  /** Our client, and a socket that says to it whatever the case wants. */
  async scripted(config: NnrpClientOptions = {}): Promise<ScriptedServer> {
    const listener = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    this.listeners.push(listener);
    await once(listener, 'listening');
    const { port } = listener.address() as { port: number };
    const accepted = once(listener, 'connection') as Promise<[Socket]>;
    const client = await this.connectTo(`127.0.0.1:${port}`, 'client', config);
    const [socket] = await this.within(accepted, 'the client to connect');
    const peer = new WirePeer(socket, this.options.patienceMs);
    this.peers.push(peer);
    return { client, peer };
  }

  /** Opens a session of a scripted server's client. */
  async openScripted(
    { client, peer }: ScriptedServer,
    ack: Partial<preview3.SessionOpenAck> = {},
    options: SessionOptions = {},
  ): Promise<NnrpClientSession> {
    const opened = client.openSession(options);
    opened.catch(() => {});
    await peer.expect(7);
    peer.send(openAckBytes(ack));
    return this.within(opened, 'the client to take the acknowledgement');
  }

  /** Something that is waited for later: when the case fails before that, its rejection is ignored. */
  later<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {});
    return promise;
  }

  /** Waits for something that must happen. @throws CheckFailure when it does not in time */
  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    const { patienceMs } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new CheckFailure(`waited ${patienceMs} ms for ${what}`)), patienceMs);
    });
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  async clear(): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    for (const proxy of this.proxies) proxy.close();
    for (const listener of this.listeners) listener.close();
    await Promise.all(this.servers.map((server) => server.close()));
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private async connectTo(target: string, under: 'client' | 'server', config: NnrpClientOptions): Promise<NnrpClient> {
    const { patienceMs } = this.options;
    // Proxies go first when a case is over: a client would try to come back through them.
    const timeouts = {
      openTimeoutMs: patienceMs,
      closeTimeoutMs: patienceMs,
      requestTimeoutMs: patienceMs,
      reconnect: 'never',
    } as const;
    const client = await NnrpClient.connectTcp(await this.addressOf(target, under), { ...timeouts, ...config });
    this.clients.push(client);
    return client;
  }

  /** Where to connect to reach the target: through the lie when there is one. */
  private async addressOf(target: string, under: 'client' | 'server'): Promise<string> {
    const { lie } = this.options;
    if (lie === undefined) return target;
    const known = this.addresses.get(target);
    if (known !== undefined) return known;
    const proxy = await LyingProxy.before(target, under, lie);
    this.proxies.push(proxy);
    this.addresses.set(target, proxy.address);
    return proxy.address;
  }
}
