import { createPrivateKey } from 'node:crypto';
import { shownAddress, shownValue, shownWord, UsageError } from 'nnrp-core';
import {
  type CertificateSource,
  type CertificateUse,
  foreignNameHint,
  type HostPort,
  parseAddress,
  readOptions,
  type StreamTransportOptions,
  tlsCredentials,
} from 'nnrp-runtime/transport';
import type { CongestionControl, ConnectionSettings, PemCredentials } from './engine.js';
import { QUIC_ALPN } from './quic-alpn.js';

/** How packets are read from the stream of a connection and written to it. */
export type QuicTransportOptions = Pick<
  StreamTransportOptions,
  'maxPacketBytes' | 'revision' | 'highWaterBytes' | 'stallTimeoutMs'
>;

/** What both ends of a connection can be told. */
export interface QuicEndpointOptions extends QuicTransportOptions {
  /**
   * Milliseconds without a packet from the peer after which the connection is gone; default 30000. The smaller one of
   * both ends counts.
   */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * Milliseconds of silence after which this end sends a sign of life, below `idleTimeoutMs`; 0 = never. Default of a
   * server 0, of a client 10000, or a third of `idleTimeoutMs` if that is less.
   */
  readonly keepAliveMs?: number | undefined;
  /** Milliseconds for the handshake, however busy the peer is; default 10000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Largest datagram to send, in bytes of UDP payload, 1200 to 65527; default 1452 to other machines and 16384 on the
   * loopback interface. The default is 1350 at first, and more once the path has shown that it carries more. Whatever it is,
   * a path that loses the large ones gets smaller ones.
   */
  readonly maxDatagramBytes?: number | undefined;
  /** Bytes a peer may send ahead of the reader at first, 16 KiB to 1 GiB; default 1 MiB. */
  readonly streamWindowBytes?: number | undefined;
  /** The same at most, once the network has shown that it needs so much; default 16 MiB, or `streamWindowBytes` if more. */
  readonly maxStreamWindowBytes?: number | undefined;
  /** How fast to send, and what to take for a sign to go slower: `cubic`, the default, `newreno` or `bbr`. */
  readonly congestionControl?: CongestionControl | undefined;
  /**
   * Protocols to agree on; default `['nnrp/1']`, which is all there is. false speaks QUIC without ALPN, as preview3 reference
   * peers do: both ends have to, and an end that offers a protocol is refused then.
   */
  readonly alpn?: false | readonly ['nnrp/1'] | undefined;
  /**
   * A file that the secrets of handshakes are appended to, so that Wireshark can read what was captured. A reader of the
   * file can read the connections: use it to look for faults only.
   */
  readonly keyLogFile?: string | undefined;
  /**
   * A folder that gets a file of qlog (JSON-SEQ, `.sqlog`) for each connection: datagrams, round trips, window, losses, beginning
   * and end. At a server, only handshakes that are complete have one. Costs a few lines for each datagram: for looking for faults.
   */
  readonly qlogDirectory?: string | undefined;
}

/** Names of the options of the stream. */
export const TRANSPORT_OPTIONS: readonly (keyof QuicTransportOptions)[] = [
  'maxPacketBytes',
  'revision',
  'highWaterBytes',
  'stallTimeoutMs',
];

/** Names of the options of both ends. */
export const ENDPOINT_OPTIONS: readonly (keyof QuicEndpointOptions)[] = [
  'idleTimeoutMs',
  'keepAliveMs',
  'handshakeTimeoutMs',
  'maxDatagramBytes',
  'streamWindowBytes',
  'maxStreamWindowBytes',
  'congestionControl',
  'alpn',
  'keyLogFile',
  'qlogDirectory',
  ...TRANSPORT_OPTIONS,
];

/** Also the longest time a timer of Node can wait, in milliseconds. */
const LARGEST_INT32 = 0x7fffffff;
const MIN_RSA_BITS = 2048;
/** The loopback interface takes four times as much; but from here on, the cost of a datagram does not matter any more. */
const LOOPBACK_DATAGRAM_BYTES = 16_384;
/** What paths carry that are not odd, tunnels included; and what Ethernet carries with IPv6. */
const FIRST_DATAGRAM_BYTES = 1350;
const ETHERNET_DATAGRAM_BYTES = 1452;
/** P-256 and P-384. */
const CURVES = ['prime256v1', 'secp384r1'];
const KIB = 1024;
const MIB = 1024 * KIB;

/** The options as a copy, without those that are undefined. @throws UsageError on anything but an object with options of these names */
export function knownOptions<Options extends object>(options: Options, known: readonly string[]): Options {
  const names = new Set(known);
  return readOptions('QUIC options', options, names, (name) => foreignNameHint(name, names));
}

/** @throws UsageError unless it is an integer within the limits, which are included */
export function integer(field: string, value: unknown, smallest: number, largest = LARGEST_INT32): number {
  if (Number.isInteger(value) && (value as number) >= smallest && (value as number) <= largest) return value as number;
  throw new UsageError(`${field}: expected an integer of ${smallest} to ${largest}, got ${shownValue(value)}`);
}

/** @throws UsageError unless it is one of the values */
export function oneOf<Value extends string>(field: string, value: Value, values: readonly Value[]): Value {
  if (values.includes(value)) return value;
  throw new UsageError(`${field}: expected ${values.join(', ')}, got ${shownWord(value)}`);
}

/** @throws UsageError that names `bindAddress` */
export function readBindAddress(value: string | HostPort): HostPort {
  try {
    return Object.freeze(parseAddress(value));
  } catch (error) {
    const expected = 'expected HOST:PORT with a port of 0 to 65535';
    throw new UsageError(`bindAddress: ${expected}, got ${shownAddress(value)}`, { cause: error });
  }
}

/** @throws UsageError that names `certificateChain`, `privateKey` or `passphrase` */
export function readCredentials(
  use: CertificateUse,
  certificateChain: CertificateSource,
  privateKey: string | Uint8Array,
  passphrase: unknown,
): PemCredentials {
  if (passphrase !== undefined && typeof passphrase !== 'string') throw new UsageError('passphrase: expected a string');
  const credentials = tlsCredentials(use, certificateChain, privateKey, passphrase);
  refuseOddKeys(credentials.key);
  return Object.freeze(credentials);
}

/** Others are taken without a word, and then no handshake comes about. */
function refuseOddKeys(pem: string): void {
  const { asymmetricKeyType, asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {} } =
    createPrivateKey(pem);
  if (asymmetricKeyType === 'rsa' && modulusLength >= MIN_RSA_BITS) return;
  if (asymmetricKeyType === 'ec' && CURVES.includes(namedCurve)) return;
  const got = `${asymmetricKeyType} ${namedCurve || modulusLength || ''}`.trim();
  throw new UsageError(
    `privateKey: QUIC takes RSA keys of at least ${MIN_RSA_BITS} bits and EC keys on P-256 or P-384, got ${got}`,
  );
}

/**
 * @param defaultKeepAliveMs - unless `idleTimeoutMs` is too short for it
 * @throws UsageError that names the option, what it takes and what it got
 */
export function connectionSettings(options: QuicEndpointOptions, defaultKeepAliveMs: number): ConnectionSettings {
  const {
    idleTimeoutMs = 30_000,
    handshakeTimeoutMs = 10_000,
    maxDatagramBytes = ETHERNET_DATAGRAM_BYTES,
    maxDatagramBytes: firstDatagramBytes = FIRST_DATAGRAM_BYTES,
    maxDatagramBytes: maxLoopbackDatagramBytes = LOOPBACK_DATAGRAM_BYTES,
    congestionControl = 'cubic',
    streamWindowBytes = MIB,
  } = options;
  integer('idleTimeoutMs', idleTimeoutMs, 1);
  integer('streamWindowBytes', streamWindowBytes, 16 * KIB, KIB * MIB);
  const { keepAliveMs = Math.min(defaultKeepAliveMs, Math.floor(idleTimeoutMs / 3)) } = options;
  const { maxStreamWindowBytes = Math.max(16 * MIB, streamWindowBytes) } = options;
  if (integer('keepAliveMs', keepAliveMs, 0) >= idleTimeoutMs) {
    throw new UsageError(`keepAliveMs: expected less than idleTimeoutMs, ${idleTimeoutMs}, got ${keepAliveMs}`);
  }
  return {
    idleTimeoutMs,
    keepAliveMs,
    handshakeTimeoutMs: integer('handshakeTimeoutMs', handshakeTimeoutMs, 1),
    firstDatagramBytes,
    maxDatagramBytes: integer('maxDatagramBytes', maxDatagramBytes, 1200, 65_527),
    maxLoopbackDatagramBytes,
    streamWindowBytes,
    maxStreamWindowBytes: integer('maxStreamWindowBytes', maxStreamWindowBytes, streamWindowBytes, KIB * MIB),
    congestion: oneOf('congestionControl', congestionControl, ['cubic', 'newreno', 'bbr']),
    alpn: readAlpn(options.alpn),
    ...(options.keyLogFile !== undefined && { keyLogFile: readPath('keyLogFile', options.keyLogFile) }),
    ...(options.qlogDirectory !== undefined && {
      qlogDirectory: readPath('qlogDirectory', options.qlogDirectory, 'a folder'),
    }),
  };
}

/** Without ALPN there is no protocol. */
function readAlpn(alpn: unknown = [QUIC_ALPN]): readonly string[] {
  if (alpn === false) return Object.freeze([]);
  if (Array.isArray(alpn) && alpn.length === 1 && alpn[0] === QUIC_ALPN) return Object.freeze([QUIC_ALPN]);
  throw new UsageError(`alpn: expected false or ['${QUIC_ALPN}'], got ${shownValue(alpn)}`);
}

function readPath(field: string, value: unknown, what = 'a file'): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw new UsageError(`${field}: expected the path of ${what}, got ${shownValue(value)}`);
}
