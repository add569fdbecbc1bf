import type { SecureContext, TlsOptions } from 'node:tls';
import { checking, type NnrpError, shownPlain, shownValue, shownWord, UsageError } from 'nnrp-core';
import { applicationCallback } from '../../base/application/application-callback.js';
import { nodeCrypto, nodeTls } from '../../base/node-modules.js';
import { readOptions } from '../../base/options.js';
import { milliseconds } from '../../base/time/timer-limit.js';
import type { StrangerLimits } from '../listening/strangers.js';
import { foreignNameHint } from './foreign-names.js';
import { type CertificateSource, tlsCredentials, trustedRoots } from './tls-credentials.js';
import { tlsServerName } from './tls-server-name.js';
import { TlsTickets } from './tls-tickets.js';

/** Name of NNRP over TLS over TCP, offered by ALPN. */
export const TLS_ALPN = 'nnrp/1-tcp';

const MAX_COUNT = 0x7fffffff;

interface TlsOptionsOfBothEnds {
  /** Private key of the first certificate: PEM, or DER (PKCS#8, SEC1, PKCS#1). Read once, not kept as given. */
  readonly privateKey?: string | Uint8Array | undefined;
  /** Opens an encrypted `privateKey`. */
  readonly passphrase?: string | undefined;
  /**
   * Oldest version of TLS to speak. Default TLSv1.3: every current TLS library has it, an end may close its own direction
   * only there (before, the answers to its last packets would be lost), and nothing can be renegotiated.
   */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Refuses a peer that does not agree on `nnrp/1-tcp` by ALPN; default false: a peer without ALPN will do. */
  readonly requireAlpn?: boolean | undefined;
}

/** How a listener proves its identity, and what it asks of its clients. Certificates and keys are checked at once. */
export interface TlsServerOptions extends TlsOptionsOfBothEnds {
  /** The server's certificate first, then those that lead to its root. */
  readonly certificateChain: CertificateSource;
  readonly privateKey: string | Uint8Array;
  /**
   * Whether clients are asked for a certificate. `request` also takes clients without one or with one that is not valid: look
   * at {@link PeerIdentity.authorized} before serving them. Default none.
   */
  readonly clientCertificates?: 'none' | 'request' | 'require' | undefined;
  /** Roots of client certificates; needed with `request` and `require`. The platform's roots never vouch for clients. */
  readonly clientRoots?: CertificateSource | undefined;
  /** Milliseconds from the connection to the end of the handshake, whatever the peer sends meanwhile; default 10000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Handshakes under way at once. One too many cuts the oldest that is silent, else the oldest. 0 = no limit; default 1024. */
  readonly maxHandshakes?: number | undefined;
  /**
   * The same for one address: an IPv4 address, or the /64 of an IPv6 address. Behind a proxy all clients have one address: 0
   * = no limit may be better there; default a quarter of maxHandshakes.
   */
  readonly maxHandshakesPerAddress?: number | undefined;
  /**
   * Called once for each connection that failed before it could be accepted. The message says why, and names the peer's
   * address unless the connection was gone already. Garbage of strangers counts too: bound what you log.
   */
  readonly onHandshakeFailure?: ((error: NnrpError) => void) | undefined;
}

/** How a client checks its server, and proves its own identity. Certificates and keys are checked at once. */
export interface TlsClientOptions extends TlsOptionsOfBothEnds {
  /** Roots that a server's certificate must lead to; default those of the platform (of Node, see NODE_EXTRA_CA_CERTS). */
  readonly roots?: CertificateSource | undefined;
  /**
   * DNS name or IP address that the server's certificate must have among its subject alternative names. Default the host of
   * the address.
   */
  readonly serverName?: string | undefined;
  /** Certificate of this client, for servers that ask for one: its own first, then those that lead to its root. */
  readonly certificateChain?: CertificateSource | undefined;
  /**
   * Exactly true takes any certificate: anyone between client and server can then read and change everything. Nothing else
   * switches verification off, NODE_TLS_REJECT_UNAUTHORIZED included.
   */
  readonly insecureSkipVerify?: boolean | undefined;
}

/** Checked options of a listener. */
export interface TlsServerSettings {
  /** For node:tls; holds the private key. */
  readonly tls: TlsOptions;
  /** As given, without certificate and key: what a renewal leaves as it is. */
  readonly kept: Partial<Omit<TlsServerOptions, 'certificateChain' | 'privateKey' | 'passphrase'>>;
  readonly asksForCertificate: boolean;
  readonly requireAlpn: boolean;
  readonly handshakeTimeoutMs: number;
  readonly limits: StrangerLimits;
  readonly onHandshakeFailure: (error: NnrpError) => void;
}

/** Checked options of a connector. */
export interface TlsClientSettings {
  readonly secureContext: SecureContext;
  /** Name or address that the certificate must be for. */
  readonly serverName: string;
  readonly verify: boolean;
  readonly requireAlpn: boolean;
  readonly tickets: TlsTickets;
}

const COMMON: readonly string[] = ['certificateChain', 'privateKey', 'passphrase', 'minVersion', 'requireAlpn'];
const SERVER: ReadonlySet<string> = new Set([
  ...COMMON,
  'clientCertificates',
  'clientRoots',
  'handshakeTimeoutMs',
  'maxHandshakes',
  'maxHandshakesPerAddress',
  'onHandshakeFailure',
]);
const CLIENT: ReadonlySet<string> = new Set([...COMMON, 'roots', 'serverName', 'insecureSkipVerify']);

/**
 * @param before - what a renewal replaces; options that are left out stay as they were there, but for certificate and key
 * @throws UsageError that names the option, what it takes and what it got; unknown options are refused too
 */
export function tlsServerSettings(
  options: TlsServerOptions,
  before?: Omit<TlsServerSettings, 'tls'>,
): TlsServerSettings {
  return checking(options, () => readServerSettings(options, before));
}

function readServerSettings(options: TlsServerOptions, before?: Omit<TlsServerSettings, 'tls'>): TlsServerSettings {
  const given = readOptions('TLS options', options ?? missing(), SERVER, (name) => foreignNameHint(name, SERVER));
  const { certificateChain, privateKey, passphrase, onHandshakeFailure, ...others } = given;
  const kept = { ...before?.kept, ...others };
  // Roots that were kept have nothing to vouch for any more.
  if (given.clientCertificates === 'none' && given.clientRoots === undefined) delete kept.clientRoots;
  const { clientCertificates = 'none', clientRoots, handshakeTimeoutMs } = kept;
  const common = commonOptions({ ...kept, ...(passphrase !== undefined && { passphrase }) });
  const mode = oneOf('clientCertificates', clientCertificates, ['none', 'request', 'require']);
  if ((mode === 'none') !== (clientRoots === undefined)) {
    const problem = mode === 'none' ? 'means nothing without' : 'is needed with';
    throw new UsageError(`clientRoots: ${problem} clientCertificates 'request' or 'require'`);
  }
  const tls = {
    ...common.context,
    ...tlsCredentials('server', certificateChain, privateKey, passphrase),
    ...(clientRoots !== undefined && { ca: trustedRoots('clientRoots', clientRoots) }),
    requestCert: mode !== 'none',
    rejectUnauthorized: mode === 'require',
    ALPNProtocols: [TLS_ALPN],
  };
  secureContext(tls);
  return {
    tls,
    // The roots as they were read: the bytes are the application's.
    kept: { ...kept, ...(tls.ca !== undefined && { clientRoots: tls.ca }) },
    asksForCertificate: mode !== 'none',
    requireAlpn: common.requireAlpn,
    handshakeTimeoutMs: milliseconds('handshakeTimeoutMs', handshakeTimeoutMs),
    limits: handshakeLimits(kept),
    onHandshakeFailure: failureCallback(onHandshakeFailure) ?? before?.onHandshakeFailure ?? (() => {}),
  };
}

function missing(): never {
  throw new UsageError('TLS options: expected an object, got undefined');
}

function handshakeLimits({ maxHandshakes = 1024, maxHandshakesPerAddress }: Partial<TlsServerOptions>): StrangerLimits {
  const inAll = count('maxHandshakes', maxHandshakes);
  return { inAll, perAddress: count('maxHandshakesPerAddress', maxHandshakesPerAddress ?? Math.ceil(inAll / 4)) };
}

function count(field: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNT) return value as number;
  throw new UsageError(`${field}: expected an integer of 0 to ${MAX_COUNT}, got ${shownPlain(value)}`);
}

/** @throws UsageError unless it is a function or left out */
function failureCallback(callback: unknown): ((error: NnrpError) => void) | undefined {
  if (callback === undefined) return undefined;
  if (typeof callback === 'function') return applicationCallback('onHandshakeFailure', callback as () => unknown);
  throw new UsageError(`onHandshakeFailure: expected a function, got ${shownValue(callback)}`);
}

/**
 * @param host - what the client connects to
 * @throws UsageError that names the option, what it takes and what it got; unknown options are refused too
 */
export function tlsClientSettings(given: TlsClientOptions, host: string): TlsClientSettings {
  return checking(given, () => readClientSettings(given, host));
}

function readClientSettings(given: TlsClientOptions, host: string): TlsClientSettings {
  const options = readOptions('TLS options', given, CLIENT, (name) => foreignNameHint(name, CLIENT));
  const { roots, serverName = host, certificateChain, privateKey, passphrase } = options;
  const common = commonOptions(options);
  const skip = boolean('insecureSkipVerify', options.insecureSkipVerify);
  if (skip && roots !== undefined) throw new UsageError('roots: they mean nothing with insecureSkipVerify');
  if (certificateChain === undefined && (privateKey !== undefined || passphrase !== undefined)) {
    throw new UsageError('certificateChain: needed with privateKey and passphrase');
  }
  if (certificateChain !== undefined && privateKey === undefined) {
    throw new UsageError('privateKey: needed with certificateChain');
  }
  const context = {
    ...common.context,
    ...(roots !== undefined && { ca: trustedRoots('roots', roots) }),
    ...(certificateChain !== undefined &&
      privateKey !== undefined &&
      tlsCredentials('client', certificateChain, privateKey, passphrase)),
  };
  return {
    secureContext: secureContext(context),
    serverName: tlsServerName(serverName),
    verify: !skip,
    requireAlpn: common.requireAlpn,
    tickets: new TlsTickets(),
  };
}

function commonOptions({ passphrase, minVersion = 'TLSv1.3', requireAlpn }: TlsOptionsOfBothEnds) {
  if (passphrase !== undefined && typeof passphrase !== 'string') throw new UsageError('passphrase: expected a string');
  return {
    context: {
      minVersion: oneOf('minVersion', minVersion, ['TLSv1.2', 'TLSv1.3']),
      // The identity of the peer was settled when the connection was accepted.
      secureOptions: nodeCrypto().constants.SSL_OP_NO_RENEGOTIATION,
    },
    requireAlpn: boolean('requireAlpn', requireAlpn),
  };
}

/**
 * OpenSSL refuses what the checks here do not know, such as keys too short for its security level.
 *
 * @throws UsageError that says why
 */
export function secureContext(options: TlsOptions): SecureContext {
  try {
    return nodeTls().createSecureContext(options);
  } catch (error) {
    const { reason = String(error) } = error as { reason?: string };
    throw new UsageError(`certificateChain: OpenSSL refuses it: ${reason}`, { cause: error });
  }
}

function boolean(field: string, value: unknown = false): boolean {
  if (typeof value !== 'boolean') throw new UsageError(`${field}: expected true or false, got ${shownPlain(value)}`);
  return value;
}

function oneOf<Value extends string>(field: string, value: Value, values: readonly Value[]): Value {
  if (values.includes(value)) return value;
  throw new UsageError(`${field}: expected ${values.join(', ')}, got ${shownWord(value)}`);
}
