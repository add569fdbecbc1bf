import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
/** What a proxy of this machine adds to requests from elsewhere. */
const OF_PROXIES: readonly string[] = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/** Whether an address is of this machine alone. @param host - without brackets */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

/** Decides which requests are answered. */
export class Access {
  private readonly key = randomBytes(32);
  private wanted: Buffer | undefined;

  /** @param token - undefined where this machine alone may ask */
  constructor(token: string | undefined) {
    this.wanted = token === undefined ? undefined : this.digest(token);
  }

  get needsToken(): boolean {
    return this.wanted !== undefined;
  }

  /** Requests from now on need this one. */
  renew(token: string): void {
    this.wanted = this.digest(token);
  }

  /** @returns the status to refuse with; undefined when the request may be answered */
  refusal(request: IncomingMessage): 401 | 403 | undefined {
    if (this.wanted !== undefined) return this.isToken(bearer(request)) ? undefined : 401;
    return isOfThisMachine(request) ? undefined : 403;
  }

  /** Whether this is the token. It takes as long whatever was given, and however much of it is right. */
  isToken(given: string): boolean {
    return this.wanted !== undefined && timingSafeEqual(this.digest(given), this.wanted);
  }

  private digest(token: string): Buffer {
    return createHash('sha256').update(this.key).update(token).digest();
  }
}

function bearer({ headers }: IncomingMessage): string {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

/**
 * Whether a request comes from this machine. Two kinds come from elsewhere although their connection is local: those of a page
 * whose host name was pointed at this address, which have that name as their host, and those of a proxy, which adds a header.
 */
function isOfThisMachine({ socket, headers }: IncomingMessage): boolean {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined || !isLoopback(remoteAddress)) return false;
  if (OF_PROXIES.some((name) => headers[name] !== undefined)) return false;
  const [, host] = /^(?:\[([^\]]*)\]|[^:]*)(?::\d*)?$/.exec(headers.host ?? '') ?? [];
  const name = host ?? (headers.host ?? '').replace(/:\d*$/, '');
  return isLoopback(name.toLowerCase());
}
