import { isNnrpError, type NnrpError, NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { CommandUsageError } from '../exit-code.js';
import {
  type Address,
  readAddresses,
  type Scheme,
  type TransportFlags,
  type TransportName,
  transportName,
} from '../transport/addresses.js';
import {
  clientDemands,
  explainFileError,
  type ServerIdentity,
  serverIdentity,
} from '../transport/certificate-files.js';
import { loadTransports } from '../transport/load-transports.js';
import { type LeftCertificate, LOCAL_HOSTS, leaveCertificate } from '../transport/local-certificates.js';
import { explainConfigError, readServerFile, type ServerFile } from './server-file.js';

/** Where and how a server is to listen. */
export interface ListenOptions extends TransportFlags {
  readonly listen: readonly string[];
  readonly config?: string;
  /** Milliseconds; instead of what the configuration says. */
  readonly resumeWindow?: number;
}

/** One of the addresses that a server listens on. */
export interface BoundAddress {
  /** As the first line says it. */
  readonly kind: TransportName;
  readonly address: string;
  /** Left for clients of this machine; to be removed with the server. */
  readonly certificate?: LeftCertificate;
}

/** A server that listens. */
export interface BoundServer {
  readonly server: NnrpServer;
  readonly bound: readonly BoundAddress[];
}

type Report = (error: NnrpError) => void;

/** Connections of QUIC above those of the server: it could not tell clients that it is full otherwise. */
const ROOM_TO_TELL = 2000;
const MAX_COUNT = 0x7fffffff;

function serverFile({ config, resumeWindow }: ListenOptions): ServerFile {
  const file: ServerFile = config === undefined ? { config: {}, writtenAs: new Map() } : readServerFile(config);
  return resumeWindow === undefined ? file : { ...file, config: { ...file.config, resumeWindowMs: resumeWindow } };
}

/**
 * Binds a server to all addresses that the options name, or to none.
 *
 * @param handshakeFailed - is told of every handshake that comes to nothing
 * @throws CommandUsageError or UsageError when addresses, options, files or the configuration cannot work; any other error
 * when an address cannot be bound
 */
export async function bindServer(options: ListenOptions, handshakeFailed: Report): Promise<BoundServer> {
  const addresses = readAddresses(options.listen, options);
  const identity = serverIdentity(options);
  if (identity === undefined) refuseWithoutCertificate(addresses);
  if (options.ca !== undefined) refuseWithClientRoots(addresses);
  const file = serverFile(options);
  await loadTransports(addresses);
  const ownCertificate = identity === undefined && has(addresses, 'nnrp+quic') ? await selfSigned() : undefined;
  const transports = ownOptions(addresses, { ...options, identity: identity ?? ownCertificate }, file, handshakeFailed);
  const server = await listen(addresses, transports, options, file);
  try {
    return { server, bound: boundAddresses(server, addresses, ownCertificate) };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function listen(
  addresses: readonly Address[],
  transports: Readonly<Record<string, object>>,
  options: ListenOptions,
  file: ServerFile,
): Promise<NnrpServer> {
  try {
    const urls = addresses.map(({ url }) => url);
    return await NnrpServer.listen(urls, { ...file.config, transports });
  } catch (error) {
    const explained = explainFileError(error, options);
    if (explained !== error || !isNnrpError(error, 'NNRP_ERR_USAGE')) throw explained;
    // What is wrong with an address is not in the file; that an address has another transport than the file names is.
    const isOfAddress = error.rawMessage.startsWith('listen') && !error.rawMessage.includes(': transport is ');
    throw options.config === undefined || isOfAddress ? error : explainConfigError(error.message, options.config, file);
  }
}

function has(addresses: readonly Address[], scheme: Scheme): boolean {
  return addresses.some((address) => address.scheme === scheme);
}

/** QUIC makes a certificate of its own, but for this machine only. @throws CommandUsageError that names the address */
function refuseWithoutCertificate(addresses: readonly Address[]): void {
  for (const { scheme, url } of addresses) {
    if (scheme === 'nnrps' || scheme === 'wss') {
      throw new CommandUsageError(`${url} is encrypted: a server certificate needs both --cert and --key`);
    }
    if (scheme !== 'nnrp+quic' || !URL.canParse(url)) continue;
    const host = new URL(url).hostname.toLowerCase().replace(/^\[|\]$/g, '');
    if (LOCAL_HOSTS.includes(host)) continue;
    const which = `for ${LOCAL_HOSTS.join(', ')} only`;
    throw new CommandUsageError(`${url} needs --cert and --key: the certificate that serve makes itself is ${which}`);
  }
}

/** Clients without a certificate must not get in by another door. @throws CommandUsageError that names the address */
function refuseWithClientRoots(addresses: readonly Address[]): void {
  const open = addresses.find(({ scheme }) => scheme === 'wss' || scheme === 'ws' || scheme === 'nnrp');
  if (open === undefined) return;
  throw new CommandUsageError(
    `${open.url} asks no client for a certificate: with --ca every address is nnrps://, nnrp+quic:// or unix:`,
  );
}

async function selfSigned(): Promise<ServerIdentity> {
  const { QuicServerEndpointConfig } = await import('nnrp-transport-quic');
  const { certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  return { certificateChain: certificate.certificateDer, privateKey: certificate.privateKeyPkcs8Der };
}

/** What each transport is told, by the schemes of the addresses. */
function ownOptions(
  addresses: readonly Address[],
  given: TransportFlags & { readonly identity: ServerIdentity | undefined },
  { config }: ServerFile,
  onHandshakeFailure: Report,
): Record<string, object> {
  const { identity } = given;
  const encrypted = { ...identity, ...clientDemands(given), onHandshakeFailure };
  const bySchemes: Readonly<Partial<Record<Scheme, object>>> = {
    nnrps: encrypted,
    'nnrp+quic': { ...encrypted, ...quicConnections(config) },
    ws: { onHandshakeFailure },
    wss: { tls: identity, onHandshakeFailure },
  };
  return Object.fromEntries(
    addresses.flatMap(({ scheme }) => {
      const own = bySchemes[scheme];
      return own === undefined ? [] : [[scheme, own]];
    }),
  );
}

/** What the file says of connections is for QUIC, too. */
function quicConnections({ maxConnections }: NnrpServerOptions): object {
  return maxConnections === undefined ? {} : { maxConnections: Math.min(maxConnections + ROOM_TO_TELL, MAX_COUNT) };
}

/** @param ownCertificate - that has been made for QUIC; clients find it by the port */
function boundAddresses(
  { endpoints }: NnrpServer,
  addresses: readonly Address[],
  ownCertificate: ServerIdentity | undefined,
): BoundAddress[] {
  const bound: BoundAddress[] = [];
  try {
    for (const [index, { localAddress: address }] of endpoints.entries()) {
      const listened = addresses[index] as Address;
      const { scheme } = listened;
      const certificate =
        scheme === 'nnrp+quic' && ownCertificate !== undefined
          ? leaveCertificate(parseAddress(address).port, ownCertificate.certificateChain as Uint8Array)
          : undefined;
      bound.push({ kind: transportName(listened), address, ...(certificate !== undefined && { certificate }) });
    }
    return bound;
  } catch (error) {
    for (const { certificate } of bound) certificate?.remove();
    throw error;
  }
}
