import type { ConnectionOptions } from 'node:tls';
import { checking, printable, shownValue, UsageError } from 'nnrp-core';
import {
  foreignNameHint,
  readOptions,
  secureContext,
  TlsTickets,
  tlsCredentials,
  tlsServerName,
  transportLimits,
  trustedRoots,
} from 'nnrp-runtime/transport';
import { flag, integer } from './option-checks.js';
import type { ConnectTarget } from './websocket-address.js';
import type { WebSocketClientOptions, WebSocketTransportOptions } from './websocket-options.js';

/** Options of a client, checked. */
export interface ClientSettings {
  readonly connectTimeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly origin: string | undefined;
  readonly offerSubprotocol: boolean;
  /** Of `wss:`. */
  readonly secure: SecureSettings | undefined;
  readonly transport: WebSocketTransportOptions;
}

/** What a connection of `wss:` goes by. */
export interface SecureSettings {
  /** For node:tls; holds the private key. */
  readonly tls: ConnectionOptions;
  /** Name or address that the certificate must be for. */
  readonly serverName: string;
  readonly verify: boolean;
  readonly tickets: TlsTickets;
}

const TLS_NAMES = [
  'roots',
  'serverName',
  'certificateChain',
  'privateKey',
  'passphrase',
  'insecureSkipVerify',
] as const satisfies readonly (keyof WebSocketClientOptions)[];

const KNOWN: ReadonlySet<string> = new Set<keyof WebSocketClientOptions>([
  'connectTimeoutMs',
  'headers',
  'origin',
  'offerSubprotocol',
  ...TLS_NAMES,
  'maxPacketBytes',
  'revision',
  'highWaterBytes',
  'stallTimeoutMs',
  'closeTimeoutMs',
]);

const MAX_NAME_BYTES = 100;

/** Headers that the upgrade is made of. */
const OWN_HEADERS = new Set(['connection', 'upgrade', 'host', 'origin']);

/**
 * @param defaults - for what is left out
 * @throws UsageError that names the option, what it takes and what it got; unknown options are refused too
 */
export function clientSettings(
  target: ConnectTarget,
  given: WebSocketClientOptions,
  defaults: WebSocketClientOptions,
): ClientSettings {
  return checking(given, () => readSettings(target, given, defaults));
}

function readSettings(
  target: ConnectTarget,
  given: WebSocketClientOptions,
  defaults: WebSocketClientOptions,
): ClientSettings {
  const options = {
    ...readOptions('client options', defaults, KNOWN),
    ...readOptions('WebSocket options', given, KNOWN, (name) => foreignNameHint(name, KNOWN)),
  };
  const { connectTimeoutMs = 10_000, headers = {}, origin, offerSubprotocol = true } = options;
  if (!target.isSecure) {
    const misplaced = TLS_NAMES.find((name) => options[name] !== undefined);
    if (misplaced !== undefined)
      throw new UsageError(`${misplaced}: it means nothing for ${target.shown}, which is without TLS; use wss:`);
  }
  if (origin !== undefined && typeof origin !== 'string')
    throw new UsageError(`origin: expected a string, got ${shownValue(origin)}`);
  return {
    connectTimeoutMs: integer('connectTimeoutMs', connectTimeoutMs, 1),
    headers: checkedHeaders(headers),
    origin,
    offerSubprotocol: flag('offerSubprotocol', offerSubprotocol),
    secure: target.isSecure ? secureSettings(target, options) : undefined,
    transport: transportLimits(options),
  };
}

function checkedHeaders(headers: unknown): Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null)
    throw new UsageError(`headers: expected an object of strings, got ${shownValue(headers)}`);
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (OWN_HEADERS.has(lower) || lower.startsWith('sec-websocket-'))
      throw new UsageError(`headers: ${lower} belongs to the upgrade itself`);
    // The value may be a secret: it is not shown.
    if (typeof value !== 'string' || /[\r\n\0]/.test(value) || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name))
      throw new UsageError(`headers: ${printable(name, MAX_NAME_BYTES)} is no header with a string of one line`);
    checked[name] = value;
  }
  return checked;
}

function secureSettings(target: ConnectTarget, options: WebSocketClientOptions): SecureSettings {
  const { roots, serverName = target.host, certificateChain, privateKey, passphrase, insecureSkipVerify } = options;
  const skip = flag('insecureSkipVerify', insecureSkipVerify);
  if (skip && roots !== undefined) throw new UsageError('roots: they mean nothing with insecureSkipVerify');
  if ((certificateChain === undefined) !== (privateKey === undefined)) {
    const [lacks, has] =
      privateKey === undefined ? ['privateKey', 'certificateChain'] : ['certificateChain', 'privateKey'];
    throw new UsageError(`${lacks}: needed with ${has}`);
  }
  const name = tlsServerName(serverName);
  const context = secureContext({
    ...(roots !== undefined && { ca: trustedRoots('roots', roots) }),
    ...(certificateChain !== undefined &&
      privateKey !== undefined &&
      tlsCredentials('client', certificateChain, privateKey, passphrase)),
  });
  const tls = {
    secureContext: context,
    // An address has no place in the handshake, only in the certificate.
    servername: /^[\d.]+$|:/.test(name) ? '' : name,
    // Always said: left out, it depends on an environment variable.
    rejectUnauthorized: !skip,
  };
  return { tls, serverName: name, verify: !skip, tickets: new TlsTickets() };
}
