import { shownPlain, shownValue, TimeoutError, TransportError, UsageError } from 'nnrp-core';
import type { FramedConnector, FramedTransport } from 'nnrp-runtime/client';
import { PLATFORM_DEFAULTS, type PlatformOptions } from './platform-options.js';
import { PlatformTransport } from './platform-transport.js';
import { type PlatformWebSocket, type PlatformWebSocketClass, platform } from './platform-websocket.js';

/** What is offered in the upgrade. */
export const SUBPROTOCOL = 'nnrp.1';
const MAX_MS = 0x7fffffff;

/** What a client says of its transports, among much else. */
type Defaults = Pick<PlatformOptions, 'connectTimeoutMs' | 'highWaterBytes' | 'maxPacketBytes' | 'stallTimeoutMs'>;

/** Connects to one server by the WebSocket of the platform, each time anew. */
export class PlatformConnector implements FramedConnector {
  readonly kind = 'websocket';
  private readonly url: string;
  /** As messages show it: without the query, which may hold a token. */
  private readonly shown: string;
  private readonly settings: { readonly [Name in keyof typeof PLATFORM_DEFAULTS]: number };
  private readonly WebSocket: PlatformWebSocketClass;
  private readonly offered: string[];

  /**
   * @param defaults - what the client says of transports in general
   * @throws UsageError on an option that cannot work, and where the platform has no WebSocket
   */
  constructor(where: string | URL, options: PlatformOptions = {}, defaults: Defaults = {}) {
    const url = isUrl(where) ? where.href : where;
    if (typeof url !== 'string' || !/^wss?:\/\/[^/]/.test(url))
      throw new UsageError(`url: expected a URL such as wss://inference.example/nnrp, got ${shownValue(url)}`);
    if (/^wss?:\/\/[^/?#]*@/.test(url))
      throw new UsageError('url: a URL with a user or password is not taken; give credentials in openSession');
    const { WebSocket = platform.WebSocket, offerSubprotocol = true, ...numbers } = options;
    if (typeof WebSocket !== 'function')
      throw new UsageError('WebSocket: this platform has none; give a class by the option WebSocket');
    if (typeof offerSubprotocol !== 'boolean') throw new UsageError('offerSubprotocol takes true or false');
    for (const [name, value] of Object.entries(numbers)) {
      if (!(name in PLATFORM_DEFAULTS)) {
        const names = Object.keys({ WebSocket, offerSubprotocol, ...PLATFORM_DEFAULTS }).join(', ');
        throw new UsageError(`there is no option '${name}'; options are ${names}`);
      }
      const isTime = name.endsWith('Ms');
      const fits = Number.isSafeInteger(value) && (value as number) >= (name === 'stallTimeoutMs' ? 0 : 1);
      if (value !== undefined && !(fits && (!isTime || (value as number) <= MAX_MS)))
        throw new UsageError(`${name}: expected a positive integer, got ${shownPlain(value)}`);
    }
    this.url = url;
    this.shown = url.replace(/[?#].*$/s, '');
    this.WebSocket = WebSocket;
    this.offered = offerSubprotocol ? [SUBPROTOCOL] : [];
    this.settings = { ...PLATFORM_DEFAULTS, ...known(defaults), ...known(numbers) };
  }

  /** @throws TransportError or TimeoutError when no connection comes about; a browser does not say why */
  connect(signal?: AbortSignal): Promise<FramedTransport> {
    const { url, shown, settings } = this;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw signal.reason;
      let socket: PlatformWebSocket;
      try {
        socket = new this.WebSocket(url, this.offered);
      } catch (error) {
        throw new TransportError(`cannot connect to ${shown}: ${String(error)}`, { cause: error, isRetryable: false });
      }
      socket.binaryType = 'arraybuffer';
      const end = () => {
        platform.clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        socket.onopen = null;
        socket.onclose = null;
      };
      const fail = (reason: unknown) => {
        end();
        reject(reason);
        try {
          socket.close();
        } catch {
          // It was never open, and is not wanted any more.
        }
      };
      const aborted = () => fail(signal?.reason);
      const { connectTimeoutMs } = settings;
      const timer = platform.setTimeout(() => {
        fail(new TimeoutError(`no WebSocket to ${shown} within ${connectTimeoutMs} ms`, connectTimeoutMs));
      }, connectTimeoutMs);
      signal?.addEventListener('abort', aborted);
      // Without a listener, some platforms report the error as an unhandled one.
      socket.onerror = () => {};
      socket.onclose = (event) => {
        const said = event?.reason ? `: ${event.reason}` : '';
        const code = event?.code === undefined ? 'no code' : `code ${event.code}`;
        fail(new TransportError(`cannot connect to ${shown}: the WebSocket was closed with ${code}${said}`));
      };
      socket.onopen = () => {
        end();
        resolve(new PlatformTransport(socket, shown, settings));
      };
    });
  }

  toJSON(): Record<string, unknown> {
    return { kind: this.kind, address: this.shown };
  }
}

/** What a client is made from in a browser or worker; see {@link PlatformConnector}. */
export function webSocketConnector(url: string | URL, options: PlatformOptions = {}): PlatformConnector {
  return new PlatformConnector(url, options);
}

/** The options of a connection that have a value. */
function known(options: object): Partial<typeof PLATFORM_DEFAULTS> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in PLATFORM_DEFAULTS && value !== undefined),
  );
}

function isUrl(where: unknown): where is URL {
  return typeof (where as Partial<URL> | null)?.href === 'string';
}
