import { isIP } from 'node:net';
import { checking, INSPECT, type Inspect, inspected, shownValue, shownWord, UsageError } from 'nnrp-core';
import {
  type CertificateSource,
  type HostPort,
  tlsServerName,
  transportLimits,
  trustedRoots,
} from 'nnrp-runtime/transport';
import {
  connectionSettings,
  ENDPOINT_OPTIONS,
  knownOptions,
  type QuicEndpointOptions,
  type QuicTransportOptions,
  readBindAddress,
  readCredentials,
} from './endpoint-options.js';
import type { ClientSettings, PemCredentials } from './engine.js';

/** What a client can be told. Certificates and keys are checked at once, and not kept as given. */
export interface QuicClientEndpointOptions extends QuicEndpointOptions {
  /**
   * Self-signed certificates that a server's certificate must lead to. Default those of Node; from Node 22.15 on
   * NODE_EXTRA_CA_CERTS adds to them.
   */
  readonly roots?: CertificateSource | undefined;
  /**
   * DNS name or IP address that the server's certificate must have among its subject alternative names. Default the host of
   * the address.
   */
  readonly serverName?: string | undefined;
  /** HOST:PORT to send from; port 0 takes a free one. Default whatever the platform chooses. */
  readonly bindAddress?: string | HostPort | undefined;
  /** Certificate of this client, for servers that ask for one: its own first, then those that lead to its root. */
  readonly certificateChain?: CertificateSource | undefined;
  /** Private key of the first certificate: PEM, or DER (PKCS#8, SEC1, PKCS#1). */
  readonly privateKey?: string | Uint8Array | undefined;
  /** Opens an encrypted `privateKey`. */
  readonly passphrase?: string | undefined;
  /**
   * Exactly true takes any certificate: anyone between client and server can then read and change everything. Nothing else
   * switches verification off.
   */
  readonly insecureSkipVerify?: boolean | undefined;
}

const KNOWN: readonly (keyof QuicClientEndpointOptions)[] = [
  ...ENDPOINT_OPTIONS,
  'roots',
  'serverName',
  'bindAddress',
  'certificateChain',
  'privateKey',
  'passphrase',
  'insecureSkipVerify',
];

/** Marks configurations of every copy of this package. */
const BRAND = Symbol.for('nnrp.quicClientEndpointConfig');

/** Whether it is a configuration of a client, of any copy of this package. */
export function isClientConfig(value: unknown): value is QuicClientEndpointConfig {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/**
 * How a client connects by QUIC: the servers that it trusts, its identity, its address, and its limits. It is checked when it is
 * made and never changes. Logged or turned into JSON it shows no certificate and no key.
 */
export class QuicClientEndpointConfig {
  #settings: ClientSettings;
  readonly #transportOptions: QuicTransportOptions;

  /** @throws UsageError that names the option, what it takes and what it got; unknown options are refused too */
  constructor(given: QuicClientEndpointOptions = {}) {
    const { settings, transportOptions } = checking(given, () => readConfig(given));
    this.#settings = settings;
    this.#transportOptions = transportOptions;
  }

  /** What a QUIC implementation is told; holds the private key. Frozen, and always the same object. */
  get settings(): ClientSettings {
    if (this.#settings.verify && this.#settings.roots === undefined) {
      this.#settings = Object.freeze({ ...this.#settings, roots: platformRoots() });
    }
    return this.#settings;
  }

  /** What the transport of each connection is told. Frozen. */
  get transportOptions(): QuicTransportOptions {
    return this.#transportOptions;
  }

  toJSON(): Record<string, unknown> {
    const { credentials: _, roots: __, ...shown } = this.#settings;
    return shown;
  }

  get [BRAND](): true {
    return true;
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('QuicClientEndpointConfig', this.toJSON(), depth, options, inspect);
  }
}

function readConfig(given: QuicClientEndpointOptions): Pick<QuicClientEndpointConfig, 'settings' | 'transportOptions'> {
  const options = knownOptions(given, KNOWN);
  const { roots, serverName, bindAddress, insecureSkipVerify = false } = options;
  if (typeof insecureSkipVerify !== 'boolean') {
    throw new UsageError(`insecureSkipVerify: expected true or false, got ${shownValue(insecureSkipVerify)}`);
  }
  if (insecureSkipVerify && roots !== undefined) {
    throw new UsageError('roots: they mean nothing with insecureSkipVerify');
  }
  const credentials = clientCredentials(options);
  const settings: ClientSettings = Object.freeze({
    ...connectionSettings(options, 10_000),
    ...(bindAddress !== undefined && { bindAddress: readLocalAddress(bindAddress) }),
    ...(serverName !== undefined && { serverName: tlsServerName(serverName) }),
    ...(roots !== undefined && { roots: trustedRoots('roots', roots) }),
    verify: !insecureSkipVerify,
    ...(credentials !== undefined && { credentials }),
  });
  return { settings, transportOptions: transportLimits(options) };
}

/** A client sends from an address, not from a name that may have several. */
function readLocalAddress(value: string | HostPort): HostPort {
  const address = readBindAddress(value);
  if (isIP(address.host.replace(/%.*$/, '')) !== 0) return address;
  throw new UsageError(`bindAddress: expected an IP address of this machine, got ${shownWord(address.host)}`);
}

function clientCredentials(options: QuicClientEndpointOptions): PemCredentials | undefined {
  const { certificateChain, privateKey, passphrase } = options;
  if (certificateChain === undefined) {
    if (privateKey === undefined && passphrase === undefined) return undefined;
    throw new UsageError('certificateChain: needed with privateKey and passphrase');
  }
  if (privateKey === undefined) throw new UsageError('privateKey: needed with certificateChain');
  return readCredentials('client', certificateChain, privateKey, passphrase);
}

let joinedRoots: string | undefined;

/** Joined when the first client needs them: there are more than a hundred. */
function platformRoots(): string {
  if (joinedRoots === undefined) {
    const tls = process.getBuiltinModule('node:tls');
    const { getCACertificates, rootCertificates } = tls as typeof tls & {
      /** Absent before Node 22.15. */
      getCACertificates?(type: 'default'): string[];
    };
    joinedRoots = (getCACertificates?.('default') ?? rootCertificates).join('\n');
  }
  return joinedRoots;
}
