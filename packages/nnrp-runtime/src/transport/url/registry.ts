import { shownValue, shownWord, UsageError } from 'nnrp-core';
import type { FramedConnector, FramedListener } from '../contract/contract.js';

/** What is said of transports in general, by the configuration of a server or client. */
export interface RegisteredSettings {
  /** `maxPacketBytes`, `highWaterBytes` and `stallTimeoutMs`, as far as they are known; of a client `connectTimeoutMs` too. */
  readonly limits: Readonly<{
    maxPacketBytes?: number | undefined;
    highWaterBytes?: number | undefined;
    stallTimeoutMs?: number | undefined;
    connectTimeoutMs?: number | undefined;
  }>;
  /**
   * What the configuration has under `transports` for this scheme, or, of an encrypted transport without that, under `tls`.
   * Not checked; undefined when there is nothing.
   */
  readonly own: object | undefined;
}

/** A transport that addresses name by a scheme of its own. */
export interface TransportScheme {
  /** Without the colon, such as `nnrp+quic`. */
  readonly scheme: string;
  /** Whether what it carries is encrypted, and its peer proved: then certificates under `tls` are for it. */
  readonly isEncrypted: boolean;
  /**
   * What connects to such an address; left out where nothing can.
   * @throws UsageError on options that cannot work
   */
  connector?(url: URL, settings: RegisteredSettings): FramedConnector;
  /**
   * What listens on such an address; left out where nothing can.
   * @throws UsageError on options that cannot work; also as a rejection, as TransportError
   */
  listener?(url: URL, settings: RegisteredSettings): FramedListener | PromiseLike<FramedListener>;
}

/** Schemes of this package. */
const OWN_SCHEMES = ['nnrp', 'nnrps', 'unix', 'npipe'] as const;
/** Which packages register the others. */
const PACKAGES: Readonly<Record<string, string>> = {
  'nnrp+quic': 'nnrp-transport-quic',
  ws: 'nnrp-transport-websocket',
  wss: 'nnrp-transport-websocket',
};

/** Names that are often written in the place of a scheme. */
const MEANT: Readonly<Record<string, string>> = { tcp: 'nnrp', tls: 'nnrps', quic: 'nnrp+quic' };

/** One for all copies of this package in a process: what registers and what asks may have different ones. */
const KEY = Symbol.for('nnrp.transports');
const shared = globalThis as { [KEY]?: Map<string, TransportScheme> };
shared[KEY] ??= new Map();
const registered = shared[KEY];

/**
 * Makes addresses of a scheme known to `NnrpClient.connect` and `NnrpServer.listen`. A package of a transport does it when it is
 * imported. The same scheme again takes the place of the first, but what only connects does not take that of what listens, too:
 * the WebSocket of a browser, imported beside that of Node.js.
 *
 * @throws UsageError on a scheme that is none or belongs to nnrp-runtime, and on what neither connects nor listens
 */
export function registerTransport(transport: TransportScheme): void {
  const { scheme, isEncrypted, connector, listener } = transport ?? {};
  if (typeof scheme !== 'string' || !/^[a-z][a-z0-9+.-]*$/.test(scheme))
    throw new UsageError(
      `registerTransport: scheme: expected lower-case letters such as nnrp+quic, got ${shownWord(scheme)}`,
    );
  if (isOwn(scheme)) throw new UsageError(`registerTransport: the scheme ${scheme} is nnrp-runtime's own`);
  if (typeof isEncrypted !== 'boolean')
    throw new UsageError(`registerTransport: isEncrypted: expected true or false, got ${shownValue(isEncrypted)}`);
  if (typeof connector !== 'function' && typeof listener !== 'function')
    throw new UsageError('registerTransport: expected a connector, a listener or both');
  if (typeof listener !== 'function' && typeof registered.get(scheme)?.listener === 'function') return;
  registered.set(scheme, transport);
}

/** @throws UsageError that names the package to import, or else the schemes there are */
export function registeredTransport(scheme: string): TransportScheme {
  const transport = registered.get(scheme);
  if (transport !== undefined) return transport;
  const missing = Object.hasOwn(PACKAGES, scheme) ? PACKAGES[scheme] : undefined;
  if (missing !== undefined)
    throw new UsageError(`${scheme} is a transport of the package ${missing}: install it, and import '${missing}'`);
  const meant = Object.hasOwn(MEANT, scheme) ? `: did you mean ${MEANT[scheme]}?` : ';';
  throw new UsageError(`there is no transport ${scheme}${meant} there are ${schemes().join(', ')}`);
}

export function isOwn(scheme: string): boolean {
  return (OWN_SCHEMES as readonly string[]).includes(scheme);
}

function schemes(): string[] {
  return [...new Set([...OWN_SCHEMES, ...registered.keys(), ...Object.keys(PACKAGES)])];
}
