import type { IncomingMessage } from 'node:http';
import { shownValue, UsageError } from 'nnrp-core';
import { isThenable, settledOnce } from 'nnrp-runtime/transport';
import type { WebSocketServerOptions } from '../websocket-options.js';

/** Whether a page of an origin may connect. */
export type OriginCheck = (origin: string, request: IncomingMessage) => boolean;

/**
 * Browsers let any page open a WebSocket to any server, and send the server's cookies along: a server that does not look at
 * the origin lends its users' identity to every page that they visit.
 *
 * @throws UsageError on origins that no browser would send
 */
export function originCheck(origins: WebSocketServerOptions['origins']): OriginCheck {
  if (origins === undefined) return isOwnPage;
  if (origins === '*') return () => true;
  if (typeof origins === 'function') return (origin, request) => decided(origins(origin, request)) === true;
  if (!Array.isArray(origins)) {
    throw new UsageError(`origins: expected a list of origins, '*' or a function, got ${shownValue(origins)}`);
  }
  const allowed = new Set(origins.map(checked));
  return (origin) => allowed.has(origin.toLowerCase());
}

/** @throws UsageError on a promise, whose rejection would end the process besides */
function decided(answer: unknown): unknown {
  if (!isThenable(answer)) return answer;
  settledOnce(answer).then(undefined, () => {});
  throw new UsageError('origins: expected true or false at once, got a promise: what takes time belongs into identify');
}

/**
 * The page comes from the host and port that the request was sent to. Where this server speaks TLS itself, the page must
 * have come by it, too: one that did not may have been changed on the way. Behind a proxy the scheme is not known here.
 */
function isOwnPage(origin: string, { headers: { host }, socket }: IncomingMessage): boolean {
  const page = hostOf(origin);
  if (page === undefined || host === undefined) return false;
  if ((socket as { readonly encrypted?: boolean }).encrypted === true && !page.isSecure) return false;
  const asked = host.toLowerCase();
  return asked === page.host || asked === page.hostWithPort;
}

function hostOf(
  origin: string,
): { readonly host: string; readonly hostWithPort: string; readonly isSecure: boolean } | undefined {
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return undefined;
  }
  const { protocol, host, hostname, port } = url;
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const isSecure = protocol === 'https:';
  return { host, hostWithPort: `${hostname}:${port || (isSecure ? '443' : '80')}`, isSecure };
}

function checked(origin: unknown): string {
  if (typeof origin === 'string') {
    const text = origin.toLowerCase();
    if (text === 'null' || originOf(text) === text) return text;
  }
  throw new UsageError(
    `origins: expected scheme, host and port as a browser sends them, such as 'https://app.example', got ${shownValue(origin)}`,
  );
}

/** `null` for schemes whose pages have no origin that a browser would send. */
function originOf(text: string): string | undefined {
  try {
    const { origin, protocol, host } = new URL(text);
    return origin === 'null' ? `${protocol}//${host}` : origin;
  } catch {
    return undefined;
  }
}
