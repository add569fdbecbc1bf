import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type NnrpServer, TransportError, UsageError } from 'nnrp-runtime';
import { formatAddress, type HostPort, parseAddress } from 'nnrp-runtime/transport';
import { Access, isLoopback } from './access.js';
import { AdminHandler } from './admin-handler.js';
import { type AdminOptions, adminOptions } from './admin-options.js';
import { INSPECTOR_PATH, openInspector } from './inspector/inspector.js';
import { LiveOperations } from './live-operations.js';

/** What may be open at once, and how long a request may take: a scraper and some probes need little. */
const MOST_CONNECTIONS = 64;
const MOST_MS = 5000;
const MOST_HEADER_BYTES = 8192;
/** Requests over one connection: all of them may come at once. A scraper makes another one. */
const MOST_REQUESTS = 100;

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** The operator's port of one server: `/metrics` for Prometheus, `/healthz`, `/readyz`, which is false while it drains, and a page. */
export interface Admin {
  /** Answers a request, whatever it asks for: to be mounted in an HTTP server. The paths are those of the request's own URL. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /**
   * Answers requests on a port of its own, where the inspector page is, too.
   * @param address - HOST:PORT; port 0 takes a free one
   * @returns where it listens
   * @throws (as a rejection) UsageError on what is no address, when others than this machine could reach it and there is no
   * token, and when it listens already; TransportError when the address cannot be bound
   */
  listen(address: string | HostPort): Promise<string>;
  /**
   * Wants another token from now on. Pages of the inspector that are open stay so.
   * @throws UsageError on what is no token, and where there was none before
   */
  renewToken(token: string): void;
  /** Stops listening. The server goes on. */
  close(): Promise<void>;
}

/**
 * Makes the operator's port of a server. Without a token it answers requests of this machine alone.
 * @throws UsageError on an option that does not exist or fit, and on what is no server
 */
export function createAdmin(server: NnrpServer, options: AdminOptions = {}): Admin {
  if (typeof server?.counters !== 'function')
    throw new UsageError('createAdmin: server takes an NnrpServer, as await NnrpServer.listen(address) gives');
  const { token, openProbes } = adminOptions(options);
  const access = new Access(token);
  const operations = new LiveOperations(server);
  const own = new AdminHandler(server, access, openProbes, operations);
  const handler = (request: IncomingMessage, response: ServerResponse) => void own.handle(request, response);
  let http: Server | undefined;
  let inspector: NnrpServer | undefined;
  return {
    handler,
    async listen(address) {
      const { host, port } = parseAddress(address);
      if (!access.needsToken && !isLoopback(host))
        throw new UsageError(`admin: ${formatAddress(host, port)} can be reached from elsewhere, so it needs a token`);
      if (http !== undefined) throw new UsageError('admin: it listens already');
      http = bounded(handler);
      try {
        const address = await listening(http, host, port);
        inspector = await openInspector(http, server, access, operations);
        own.hasPage = true;
        return address;
      } catch (error) {
        http = undefined;
        const { message } = error as Error;
        throw new TransportError(`admin: cannot listen on ${formatAddress(host, port)}: ${message}`, { cause: error });
      }
    },
    renewToken(token) {
      const { token: renewed } = adminOptions({ token });
      if (!access.needsToken || renewed === undefined)
        throw new UsageError('admin: renewToken takes a token in the place of the one that createAdmin was given');
      access.renew(renewed);
    },
    async close() {
      const closing = http;
      http = undefined;
      if (closing === undefined) return;
      own.hasPage = false;
      await inspector?.close({ drainTimeoutMs: 0 });
      const closed = new Promise<void>((resolve) => {
        closing.close(() => resolve());
      });
      closing.closeAllConnections();
      await closed;
    },
  };
}

function bounded(handler: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const http = createServer(
    {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: MOST_MS,
      requestTimeout: MOST_MS,
      keepAliveTimeout: MOST_MS,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      // A peer that sends requests and does not read the answers would keep the place.
      const timer = setTimeout(() => request.socket.destroy(), MOST_MS).unref();
      response.once('close', () => clearTimeout(timer));
      handler(request, response);
    },
  );
  http.maxConnections = MOST_CONNECTIONS;
  http.maxRequestsPerSocket = MOST_REQUESTS;
  // One that is refused by the parser gets a bare 400, and its end.
  http.on('clientError', (_error, socket) => {
    // A peer that keeps its own half open would keep the place.
    const gone = () => socket.destroy();
    if (socket.writable) socket.end(BAD_REQUEST, gone);
    else gone();
  });
  http.on('upgrade', ({ url = '' }, socket) => {
    if (url.split('?', 1)[0] !== INSPECTOR_PATH) socket.destroy();
  });
  http.on('connect', (_request, socket) => socket.destroy());
  return http;
}

function listening(http: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(new Error('it was closed meanwhile'));
    http.once('error', reject).once('close', closed);
    http.listen({ host, port }, () => {
      http.off('error', reject).off('close', closed);
      // A port that fails later takes no more connections, and is no reason for the process to end.
      http.on('error', () => {});
      const { address, port: bound } = http.address() as AddressInfo;
      resolve(formatAddress(address, bound));
    });
  });
}
