import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Refusal } from './refusal.js';

/** What both ends put behind the key. @see RFC 6455 section 4.2.2 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Sixteen bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const VERSION = '13';

/**
 * What a request lacks to be the upgrade of RFC 6455, section 4.2.1. Drafts before it are refused: their browsers tell the
 * origin of a page in another header, which nothing here looks at.
 *
 * @returns undefined when nothing is missing
 */
export function handshakeFault(request: IncomingMessage): Refusal | undefined {
  const { method = '', headers, httpVersionMajor, httpVersionMinor } = request;
  if (method !== 'GET') return { status: 405, text: `an upgrade is a GET, and no ${method}`, headers: ['Allow: GET'] };
  if (httpVersionMajor < 1 || (httpVersionMajor === 1 && httpVersionMinor < 1))
    return bad(`an upgrade takes HTTP/1.1 or later, got HTTP/${httpVersionMajor}.${httpVersionMinor}`);
  if (headers.upgrade?.toLowerCase() !== 'websocket') return bad('expected the header upgrade: websocket');
  if (headers.host === undefined) return bad('the header host is missing');
  if (headers['sec-websocket-version'] !== VERSION)
    return {
      ...bad(`expected the header sec-websocket-version: ${VERSION}`),
      headers: [`Sec-WebSocket-Version: ${VERSION}`],
    };
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return bad('expected the header sec-websocket-key with 16 bytes in base64');
  // It would be taken for the first frames.
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers;
  return coding === undefined && /^0+$/.test(length) ? undefined : bad('an upgrade has no body');
}

/** The answer that makes a WebSocket of the connection. @param request - without a fault */
export function handshakeAnswer({ headers }: IncomingMessage, subprotocol: string | undefined): string {
  const proof = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`).digest('base64');
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${proof}`,
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function bad(text: string): Refusal {
  return { status: 400, text };
}
