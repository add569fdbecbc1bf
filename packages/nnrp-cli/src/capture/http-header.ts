import { printable } from 'nnrp-core';
import type { JsonObject } from '../json/json-object.js';
import type { CaptureFault } from './capture-fault.js';

/** More than a server of Node takes. */
export const MAX_HEADER_BYTES = 64 * 1024;
const MAX_SHOWN_BYTES = 512;
/** What is shown with its value. Others may be secrets, such as cookies and tokens; what is not understood may hold them. */
const SHOWN = /^(?:host|origin|upgrade|connection|sec-websocket-(?:accept|extensions|key|protocol|version))$/;
/** Blanks around the value are its own here: a pattern that leaves them out tries each of many of them as its end. */
const FIELD = /^([!#$%&'*+.^_`|~0-9a-z-]+):([\t\x20-\x7e\x80-\xff]*)$/i;
const REQUEST = /^(GET) ([\x21-\x7e]+) (HTTP\/1\.\d)$/;
/** A host with its port, or an origin. */
const PLACE = /^(?:null|(?:[a-z][a-z0-9+.-]*:\/\/)?[\w.\-[\]:%]+)$/i;
const ANSWER = /^(HTTP\/1\.\d \d{3})(?: ([A-Za-z ]*))?$/;

/** The header of an upgrade request or of its answer. */
export interface HttpHeader {
  readonly at: number;
  readonly end: number;
  readonly json: JsonObject;
  readonly fault: CaptureFault | undefined;
}

/** Whether bytes begin as a request to upgrade or as an answer does. */
export function beginsLikeUpgrade(capture: Uint8Array, at = 0): boolean {
  return /^(?:GET |HTTP\/1\.)/.test(latin1(capture, at, at + 8));
}

/** Whether it has the line that asks for WebSocket, or agrees on it. */
export function isUpgrade(capture: Uint8Array): boolean {
  return beginsLikeUpgrade(capture) && /\n *upgrade: *websocket/i.test(latin1(capture, 0, MAX_HEADER_BYTES));
}

/** Reads a header that {@link beginsLikeUpgrade}. With a fault, what follows it is no WebSocket. */
export function readHttpHeader(capture: Uint8Array, at: number): HttpHeader {
  const text = latin1(capture, at, at + MAX_HEADER_BYTES);
  const length = text.indexOf('\r\n\r\n');
  const lines = (length < 0 ? text : text.slice(0, length)).split('\r\n');
  const [start = '', ...fields] = lines;
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  const others: string[] = [];
  for (const line of fields) {
    const [, name = '', given = ''] = FIELD.exec(line) ?? [];
    const value = given.trim();
    const key = name.toLowerCase();
    if (name === '') others.push(`${line.length} bytes that are no header`);
    else if (SHOWN.test(key))
      headers[key] = shown(key in headers ? `${headers[key]}, ${publicPart(key, value)}` : publicPart(key, value));
    else others.push(shown(name));
  }
  const end = length < 0 ? at + text.length : at + length + 4;
  const fault = faultOf(at, end, length, start, headers);
  const line = shown(shownStart(start));
  return { at, end, json: { at, bytes: end - at, start: line, headers: { ...headers }, other_headers: others }, fault };
}

function faultOf(
  at: number,
  end: number,
  length: number,
  start: string,
  { upgrade = '' }: Readonly<Record<string, string>>,
): CaptureFault | undefined {
  const wrong = (where: number, expected: string, actual: string): CaptureFault => {
    return { kind: 'bad_http', at: where, expected, actual };
  };
  if (length < 0) {
    const actual = end - at < MAX_HEADER_BYTES ? 'the end of the capture' : `${MAX_HEADER_BYTES} bytes without one`;
    return wrong(end, 'an empty line (0d0a0d0a), which ends the header', actual);
  }
  if (!start.startsWith('GET ') && !/^HTTP\/1\.\d 101\b/.test(start))
    return wrong(at, 'GET or status 101', `"${shown(shownStart(start))}"`);
  if (upgrade.toLowerCase() !== 'websocket') return wrong(at, 'the header "upgrade: websocket"', `"${upgrade}"`);
  return undefined;
}

/** The first line, without what may be a secret. */
function shownStart(start: string): string {
  const [, method, target = '', version] = REQUEST.exec(start) ?? [];
  if (method !== undefined) return `${method} ${publicTarget(target)} ${version}`;
  const [, status, reason = ''] = ANSWER.exec(start) ?? [];
  if (status !== undefined) return `${status} ${reason}`.trimEnd();
  return `${start.length} bytes that are no first line`;
}

/** Browsers can send a token as a sub-protocol only. A host and an origin that are more than that are shown by their length. */
function publicPart(name: string, value: string): string {
  if (name === 'sec-websocket-protocol') {
    const all = value.split(',').map((one) => one.trim());
    const ours = all.filter((one) => /^nnrp[.0-9a-z-]{0,16}$/.test(one));
    const others = all.length - ours.length;
    return [...ours, ...(others > 0 ? [`(${others} more)`] : [])].join(', ');
  }
  const isPlace = name === 'host' || name === 'origin';
  return isPlace && !PLACE.test(value) ? lengthOf(value) : value;
}

/** Without a query and a fragment; one with a user has more than a path in it. */
function publicTarget(target: string): string {
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/s.exec(target) ?? [];
  return target.includes('@') ? lengthOf(target) : `${path}${rest === '' ? '' : `${rest[0]}...`}`;
}

function lengthOf(text: string): string {
  return `(${text.length} bytes)`;
}

function shown(text: string): string {
  return printable(text, MAX_SHOWN_BYTES);
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  const part = bytes.subarray(from, to);
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1');
}
