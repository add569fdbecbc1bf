import { checking, INSPECT, type Inspect, inspected, type NnrpError, shownValue, UsageError } from 'nnrp-core';
import {
  applicationCallback,
  type CertificateSource,
  type HostPort,
  transportLimits,
  trustedRoots,
} from 'nnrp-runtime/transport';
import { type SelfSignedCertificate, selfSignedCertificate } from './certificates/self-signed-certificate.js';
import {
  connectionSettings,
  ENDPOINT_OPTIONS,
  integer,
  knownOptions,
  oneOf,
  type QuicEndpointOptions,
  type QuicTransportOptions,
  readBindAddress,
  readCredentials,
} from './endpoint-options.js';
import type { ServerSettings } from './engine.js';

/** What a server can be told besides its certificate and key. */
export interface QuicServerOptions extends QuicEndpointOptions {
  /**
   * Whether clients are asked for a certificate. `request` also takes clients without one: look at `PeerIdentity.authorized`
   * before serving them. One that is not valid is refused in any case. Default none.
   */
  readonly clientCertificates?: 'none' | 'request' | 'require' | undefined;
  /** Roots of client certificates; needed with `request` and `require`. The platform's roots never vouch for clients. */
  readonly clientRoots?: CertificateSource | undefined;
  /**
   * Whether a client must prove that its address is its own before the server keeps anything of it; the proof costs a round
   * trip. `auto`, the default: while many handshakes are under way.
   */
  readonly retry?: 'auto' | 'always' | 'never' | undefined;
  /**
   * Connections at once, those included that are ending or in their handshake. Packets that would open more are dropped
   * without an answer. Default 12000: more than a server takes by default, which tells clients that it is full.
   */
  readonly maxConnections?: number | undefined;
  /** Handshakes under way at once. One too many cuts the oldest whose address is not proved, else the oldest. Default 1024. */
  readonly maxHandshakes?: number | undefined;
  /**
   * The same for one address: an IPv4 address, or the /64 of an IPv6 address. Behind a proxy all clients have one address: 0
   * = no limit may be better there. Default a quarter of `maxHandshakes`.
   */
  readonly maxHandshakesPerAddress?: number | undefined;
  /**
   * Called once for each handshake that failed. The message says whose, and why. Garbage of strangers counts too: bound what
   * you log.
   */
  readonly onHandshakeFailure?: ((error: NnrpError) => void) | undefined;
}

/** What a server can be told. Certificates and keys are checked at once, and not kept as given. */
export interface QuicServerEndpointOptions extends QuicServerOptions {
  /** The server's certificate first, then those that lead to its root. */
  readonly certificateChain: CertificateSource;
  /** Private key of the first certificate: PEM, or DER (PKCS#8, SEC1, PKCS#1). */
  readonly privateKey: string | Uint8Array;
  /** Opens an encrypted `privateKey`. */
  readonly passphrase?: string | undefined;
}

const WITHOUT_CERTIFICATE: readonly (keyof QuicServerOptions)[] = [
  ...ENDPOINT_OPTIONS,
  'clientCertificates',
  'clientRoots',
  'retry',
  'maxConnections',
  'maxHandshakes',
  'maxHandshakesPerAddress',
  'onHandshakeFailure',
];

/** Marks configurations of every copy of this package. */
const BRAND = Symbol.for('nnrp.quicServerEndpointConfig');

/** Whether it is a configuration of a server, of any copy of this package. */
export function isServerConfig(value: unknown): value is QuicServerEndpointConfig {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** @throws UsageError unless it is a configuration of a server, of any copy of this package */
export function requireServerConfig(value: unknown): asserts value is QuicServerEndpointConfig {
  if (isServerConfig(value)) return;
  const hint = holdsServerConfig(value) ? ': pass its .config' : '';
  throw new UsageError(`endpoint configuration: expected a QuicServerEndpointConfig, got ${shownValue(value)}${hint}`);
}

/** Whether it is what {@link QuicServerEndpointConfig.selfSignedLocalhost} returns, where its `config` is wanted. */
export function holdsServerConfig(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'config' in value && isServerConfig(value.config);
}

/**
 * How a server listens for QUIC: its address, its identity, the clients that it takes, and its limits. It is checked when it is made
 * and never changes. Logged or turned into JSON it shows no certificate and no key.
 */
export class QuicServerEndpointConfig {
  /** As they were given, without the certificate and what belongs to it. */
  readonly #options: QuicServerOptions;
  readonly #settings: ServerSettings;
  readonly #transportOptions: QuicTransportOptions;
  readonly #onHandshakeFailure: (error: NnrpError) => void;
  readonly #handshakeFailed: (error: NnrpError) => void;

  /**
   * @param bindAddress - HOST:PORT; port 0 takes a free one
   * @throws UsageError that names the option, what it takes and what it got; unknown options are refused too
   */
  constructor(bindAddress: string | HostPort, given: QuicServerEndpointOptions) {
    const { settings, options, transportOptions, onHandshakeFailure } = checking(given, () =>
      readConfig(bindAddress, given),
    );
    this.#settings = settings;
    this.#options = options;
    this.#transportOptions = transportOptions;
    this.#onHandshakeFailure = onHandshakeFailure;
    this.#handshakeFailed = applicationCallback('onHandshakeFailure', onHandshakeFailure);
  }

  /**
   * For trying things out on one machine: a fresh certificate for localhost, 127.0.0.1 and ::1, valid for a year.
   *
   * @returns the configuration, and the certificate, which clients are to be given as their root
   * @throws UsageError as the constructor does
   */
  static selfSignedLocalhost(
    bindAddress: string | HostPort,
    options: QuicServerOptions = {},
  ): { readonly config: QuicServerEndpointConfig; readonly certificate: SelfSignedCertificate } {
    const given = knownOptions(options, WITHOUT_CERTIFICATE);
    const certificate = selfSignedCertificate();
    const { certificateDer: certificateChain, privateKeyPkcs8Der: privateKey } = certificate;
    return {
      config: new QuicServerEndpointConfig(bindAddress, { ...given, certificateChain, privateKey }),
      certificate,
    };
  }

  /**
   * @param chain - the server's certificate first, then those that lead to its root
   * @param key - private key of the first certificate
   * @throws UsageError as the constructor does
   */
  static withCertificateChain(
    bindAddress: string | HostPort,
    chain: CertificateSource,
    key: string | Uint8Array,
    options: QuicServerOptions & { readonly passphrase?: string | undefined } = {},
  ): QuicServerEndpointConfig {
    const given = knownOptions(options, [...WITHOUT_CERTIFICATE, 'passphrase']);
    return new QuicServerEndpointConfig(bindAddress, { ...given, certificateChain: chain, privateKey: key });
  }

  /**
   * The same with another certificate, as after a renewal; this one stays what it is.
   *
   * @param passphrase - opens an encrypted `key`
   * @throws UsageError when the certificate or the key cannot be used
   */
  withCertificateChain(
    chain: CertificateSource,
    key: string | Uint8Array,
    passphrase?: string,
  ): QuicServerEndpointConfig {
    return new QuicServerEndpointConfig(this.#settings.bindAddress, {
      ...this.#options,
      certificateChain: chain,
      privateKey: key,
      ...(passphrase !== undefined && { passphrase }),
    });
  }

  /** What a QUIC implementation is told; holds the private key. Frozen. */
  get settings(): ServerSettings {
    return this.#settings;
  }

  /** What the transport of each connection is told. Frozen. */
  get transportOptions(): QuicTransportOptions {
    return this.#transportOptions;
  }

  /** @internal For the listener: tells it, in the async context in which it was handed over; never throws. */
  get handshakeFailed(): (error: NnrpError) => void {
    return this.#handshakeFailed;
  }

  /** Is told of handshakes that failed. */
  get onHandshakeFailure(): (error: NnrpError) => void {
    return this.#onHandshakeFailure;
  }

  toJSON(): Record<string, unknown> {
    const { credentials: _, clientRoots: __, ...shown } = this.#settings;
    return shown;
  }

  get [BRAND](): true {
    return true;
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('QuicServerEndpointConfig', this.toJSON(), depth, options, inspect);
  }
}

function readConfig(bindAddress: string | HostPort, given: QuicServerEndpointOptions) {
  const options = knownOptions(given, [...WITHOUT_CERTIFICATE, 'certificateChain', 'privateKey', 'passphrase']);
  const { certificateChain, privateKey, passphrase, ...others } = options;
  const { clientRoots, onHandshakeFailure = () => {} } = options;
  const { clientCertificates = 'none', retry = 'auto', maxConnections = 12_000, maxHandshakes = 1024 } = options;
  const { maxHandshakesPerAddress = Math.ceil(maxHandshakes / 4) } = options;
  const mode = oneOf('clientCertificates', clientCertificates, ['none', 'request', 'require']);
  if ((mode === 'none') !== (clientRoots === undefined)) {
    const problem = mode === 'none' ? 'means nothing without' : 'is needed with';
    throw new UsageError(`clientRoots: ${problem} clientCertificates 'request' or 'require'`);
  }
  if (typeof onHandshakeFailure !== 'function')
    throw new UsageError(`onHandshakeFailure: expected a function, got ${shownValue(onHandshakeFailure)}`);
  const settings: ServerSettings = Object.freeze({
    ...connectionSettings(options, 0),
    bindAddress: readBindAddress(bindAddress),
    credentials: readCredentials('server', certificateChain, privateKey, passphrase),
    clientCertificates: mode,
    ...(clientRoots !== undefined && { clientRoots: trustedRoots('clientRoots', clientRoots) }),
    retry: oneOf('retry', retry, ['auto', 'always', 'never']),
    maxConnections: integer('maxConnections', maxConnections, 1),
    maxHandshakes: integer('maxHandshakes', maxHandshakes, 1),
    maxHandshakesPerAddress: integer('maxHandshakesPerAddress', maxHandshakesPerAddress, 0),
  });
  const { clientRoots: roots } = settings;
  return {
    settings,
    // The roots as they were read: the bytes are the application's.
    options: Object.freeze({ ...others, ...(roots !== undefined && { clientRoots: roots }) }),
    transportOptions: transportLimits(options),
    onHandshakeFailure,
  };
}
