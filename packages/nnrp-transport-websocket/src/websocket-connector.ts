import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { INSPECT, type Inspect, inspected, printable, TimeoutError, TransportError } from 'nnrp-core';
import {
  answering,
  checkServerName,
  checkSignal,
  Dialing,
  describeAttempts,
  type FramedConnector,
  type FramedTransport,
  type Guarded,
  listen,
  Patience,
  type PeerIdentity,
  peerIdentity,
  type ResumingSocket,
  reasonOf,
  whenAborted,
} from 'nnrp-runtime/transport';
import { type ClientSettings, clientSettings, type SecureSettings } from './client-settings.js';
import { overWebSocket, TRANSPORT_KIND } from './stream/websocket-transport.js';
import { SocketOnly } from './upgrade/upgraded-socket.js';
import { describeUpgradeFailure, isFinal } from './upgrade-failure.js';
import { type ConnectTarget, connectTarget } from './websocket-address.js';
import { SUBPROTOCOL, type WebSocketClientOptions } from './websocket-options.js';

/** Bytes of a refusal that go into the message. */
const MAX_REFUSAL_BYTES = 300;

/** Statuses of an answer after which the same request may do better later. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** An upgrade under way. */
interface Upgrade {
  readonly websocket: SocketOnly;
  dialing?: Dialing;
  /** Once it has connected. */
  socket?: Socket;
  /** Of `wss:`, the same socket with what is known of it. */
  secured?: ResumingSocket;
  isOver?: boolean;
}

/** Connects to one server over WebSocket, each time anew. */
export class WebSocketConnector implements FramedConnector {
  readonly kind = TRANSPORT_KIND;
  private readonly target: ConnectTarget;
  readonly #settings: ClientSettings;

  /**
   * @param url - `ws:` or `wss:`, with a path
   * @param defaults - for what the options leave open
   * @throws UsageError on a URL that is none, and on an option that cannot work
   */
  constructor(url: string | URL, options: WebSocketClientOptions = {}, defaults: WebSocketClientOptions = {}) {
    this.target = connectTarget(url);
    this.#settings = clientSettings(this.target, options, defaults);
  }

  /** @throws TransportError or TimeoutError that names the server and says why */
  connect(signal?: AbortSignal): Promise<FramedTransport> {
    return answering(() => {
      checkSignal(signal);
      if (signal?.aborted) throw reasonOf(signal);
      return this.upgraded(signal);
    });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: this.target.shown };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('WebSocketConnector', this.toJSON(), depth, options, inspect);
  }

  private upgraded(signal: AbortSignal | undefined): Promise<FramedTransport> {
    const { shown } = this.target;
    const { connectTimeoutMs, secure, transport } = this.#settings;
    return new Promise((resolve, reject) => {
      const owner: Guarded = { crashed: (error) => fail(error as Error) };
      const upgrade = this.begin(owner);
      const end = () => {
        upgrade.isOver = true;
        patience.end();
        letGo();
      };
      const fail = (error: unknown) => {
        if (upgrade.isOver) return;
        end();
        reject(error);
        upgrade.dialing?.end();
        upgrade.socket?.destroy();
        upgrade.websocket.terminate();
      };
      const patience = new Patience(owner, connectTimeoutMs, () => {
        const what = upgrade.socket === undefined ? upgrade.dialing?.describe() : 'it has not answered the upgrade';
        fail(new TimeoutError(`no WebSocket to ${shown} within ${connectTimeoutMs} ms: ${what}`, connectTimeoutMs));
      });
      const letGo = whenAborted(owner, signal, fail);
      listen(owner, upgrade.websocket, 'error', (error: Error) => fail(this.failure(error)));
      listen(owner, upgrade.websocket, 'unexpected-response', (_: ClientRequest, response: IncomingMessage) => {
        // An error of the response without a listener would end the process.
        listen(owner, response, 'error', (error: Error) => fail(this.failure(error)));
        readRefusal(owner, response, (text) => fail(this.refused(response.statusCode ?? 0, text)));
      });
      listen(owner, upgrade.websocket, 'open', () => {
        const { upgraded } = upgrade.websocket;
        if (upgraded === undefined || upgrade.isOver) {
          upgraded?.socket.destroy();
          return;
        }
        end();
        const { socket, head } = upgraded;
        const facts = { remoteAddress: shown, isServer: false, head };
        const identity = upgrade.secured && serverIdentity(upgrade.secured, secure?.verify === true);
        resolve(overWebSocket(socket, facts, transport, identity));
      });
    });
  }

  private begin(owner: Guarded): Upgrade {
    const { url, host, port } = this.target;
    const { headers, origin, offerSubprotocol, secure, connectTimeoutMs } = this.#settings;
    // The library dials before its constructor is done.
    const upgrade: Partial<Upgrade> = {};
    const dial = (options: object, created: (error: Error | null, socket?: Socket) => void) => {
      const failed = (error: Error) => created(error);
      const connected = (over: Socket) => {
        upgrade.socket = over;
        if (secure === undefined) {
          created(null, over);
          return;
        }
        const secured = secure.tickets.use(owner, (session) => startTls(over, host, secure, session));
        const { socket } = secured;
        Object.assign(upgrade, { socket, secured });
        listen(owner, socket, 'secureConnect', () => created(null, socket));
        listen(owner, socket, 'error', (error: Error) => {
          if (!upgrade.isOver && secure.tickets.stumbled(secured, error)) dial(options, created);
          else created(error);
        });
      };
      upgrade.dialing = new Dialing({ host, port }, connectTimeoutMs, { noDelay: true }, { connected, failed });
    };
    const websocket = new SocketOnly(url, offerSubprotocol ? [SUBPROTOCOL] : [], {
      headers,
      ...(origin !== undefined && { origin }),
      perMessageDeflate: false,
      followRedirects: false,
      // The library, and Node.js behind it, take a socket that comes later: the types of neither say so.
      createConnection: dial as never,
    });
    return Object.assign(upgrade, { websocket });
  }

  private failure(error: Error): TransportError {
    const { shown, host, port } = this.target;
    const { errors } = error as { readonly errors?: readonly Error[] };
    const failures = Array.isArray(errors) && errors.length > 0 ? (errors as Error[]) : [error];
    const why = describeAttempts({ host, port }, failures.map(attemptOf), describeUpgradeFailure);
    const isOfTheNetwork = (error as NodeJS.ErrnoException).syscall !== undefined || failures.length > 1;
    const isCut = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    return new TransportError(`cannot connect to ${shown}: ${why}`, {
      cause: error,
      isRetryable: (isOfTheNetwork || isCut) && !isFinal(error),
    });
  }

  private refused(status: number, text: string): TransportError {
    const said = text === '' ? '' : `: ${text}`;
    return new TransportError(
      `cannot connect to ${this.target.shown}: the server has refused the upgrade with status ${status}${said}`,
      { isRetryable: PASSING.has(status) },
    );
  }
}

function startTls(over: Socket, host: string, settings: SecureSettings, session: Buffer | undefined): TLSSocket {
  const { tls, serverName } = settings;
  return connectTls({
    ...tls,
    host,
    socket: over,
    session,
    checkServerIdentity: (_host, { raw }) => checkServerName(serverName, raw),
  });
}

/** Of `wss:`, the identity of the server; without verification it is not proved. */
function serverIdentity({ socket, certificate }: ResumingSocket, asked: boolean): PeerIdentity {
  return peerIdentity({
    asked,
    verified: socket.authorized,
    certificate,
    alpn: socket.alpnProtocol || undefined,
    protocol: socket.getProtocol() ?? undefined,
  });
}

function attemptOf(error: Error) {
  const { address, port } = error as { readonly address?: string; readonly port?: number };
  return { ...(typeof address === 'string' && { address, port }), error };
}

/** What a server says with a refusal, as far as it goes into a message; it need not be waited for to the end. */
function readRefusal(owner: Guarded, response: IncomingMessage, done: (text: string) => void): void {
  let text = '';
  const tell = () => done(printable(text.trim(), MAX_REFUSAL_BYTES));
  const isText = /^text\/plain\b/.test(response.headers['content-type'] ?? '');
  if (!isText) {
    tell();
    return;
  }
  listen(owner, response, 'data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (text.length >= MAX_REFUSAL_BYTES) tell();
  });
  listen(owner, response, 'end', tell);
  listen(owner, response, 'close', tell);
}

/** What a client is made from, for `NnrpClient.connect`: it connects anew after a loss. */
export function webSocketConnector(url: string | URL, options: WebSocketClientOptions = {}): WebSocketConnector {
  return new WebSocketConnector(url, options);
}
