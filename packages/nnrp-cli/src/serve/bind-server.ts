import { isNnrpError, type NnrpError, NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { listenerAt, parseAddress } from 'nnrp-runtime/transport';
import { type Scheme, type TransportName, transportName } from '../transport/addresses.js';
import {
  type CertificateFiles,
  clientDemands,
  explainFileError,
  type ServerIdentity,
  serverIdentity,
} from '../transport/certificate-files.js';
import { loadTransports } from '../transport/load-transports.js';
import { type LeftCertificate, leaveCertificate } from '../transport/local-certificates.js';
import { explainConfigError, type ServerFile } from './config/server-file.js';
import { haveOwnCertificates, type ListenAddress } from './listen-addresses.js';

/** Where and how a server is to listen. */
export interface BindOptions {
  readonly addresses: readonly ListenAddress[];
  readonly file: ServerFile;
  /** Path of the file, where there is one. */
  readonly config?: string | undefined;
  /** False: QUIC without ALPN; default true. */
  readonly alpn?: boolean | undefined;
  /** Told of every handshake that comes to nothing. */
  readonly handshakeFailed: (error: NnrpError) => void;
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
  /** The files of certificates and keys that were read. */
  readonly certificateFiles: readonly string[];
  /**
   * Reads the files again; handshakes from then on go by what is in them.
   *
   * @throws CommandUsageError when a file cannot be read, or what is in them does not fit; nothing has changed then
   */
  renew(): Promise<void>;
}

/** Connections of QUIC above those of the server: it could not tell clients that it is full otherwise. */
const ROOM_TO_TELL = 2000;
const MAX_COUNT = 0x7fffffff;

/**
 * Binds a server to all of these addresses, or to none.
 *
 * @throws CommandUsageError or UsageError when options, files or the configuration cannot work; any other error when an
 * address cannot be bound
 */
export async function bindServer(options: BindOptions): Promise<BoundServer> {
  const { addresses } = options;
  await loadTransports(addresses);
  const isOwn = addresses.some(({ scheme, tls }) => scheme === 'nnrp+quic' && tls.cert === undefined);
  const ownCertificate = isOwn ? await selfSigned() : undefined;
  const server = await listen(options, ownCertificate);
  try {
    const bound = boundAddresses(server, addresses, ownCertificate);
    const certificateFiles = addresses.flatMap(({ tls: { cert, key, ca } }) =>
      [cert, key, ca].flatMap((path) => path ?? []),
    );
    return { server, bound, certificateFiles: [...new Set(certificateFiles)], renew: () => renew(server, options) };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function listen(options: BindOptions, ownCertificate: ServerIdentity | undefined): Promise<NnrpServer> {
  const { addresses, file, config } = options;
  const given = addresses.map(({ scheme, tls }) => {
    const own = ownOptions(scheme, tls, options, ownCertificate);
    return own === undefined ? {} : { [scheme]: own };
  });
  try {
    if (haveOwnCertificates(addresses)) {
      const sources = addresses.map(({ url }, index) => listenerAt(url, { transports: given[index] }));
      return await NnrpServer.listenOn(sources, file.config);
    }
    const urls = addresses.map(({ url }) => url);
    return await NnrpServer.listen(urls, { ...file.config, transports: Object.assign({}, ...given) });
  } catch (error) {
    const explained = explainFileError(error, failedFiles(error, addresses));
    if (explained !== error || !isNnrpError(error, 'NNRP_ERR_USAGE')) throw explained;
    // What is wrong with an address is not in the file; that an address has another transport than the file names is.
    const isOfAddress = error.rawMessage.startsWith('listen') && !error.rawMessage.includes(': transport is ');
    throw config === undefined || isOfAddress ? error : explainConfigError(error.message, config, file);
  }
}

/** Of the address that an error is about: they are numbered where there are several. */
function failedFiles(error: unknown, addresses: readonly ListenAddress[]): CertificateFiles {
  const [, number = '1'] = /listener (\d+) of /.exec((error as Error).message) ?? [];
  return addresses[Number(number) - 1]?.tls ?? {};
}

async function selfSigned(): Promise<ServerIdentity> {
  const { QuicServerEndpointConfig } = await import('nnrp-transport-quic');
  const { certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  return { certificateChain: certificate.certificateDer, privateKey: certificate.privateKeyPkcs8Der };
}

/** What the transport of a scheme is told; undefined when nothing. */
function ownOptions(
  scheme: Scheme,
  tls: CertificateFiles,
  { file, alpn = true, handshakeFailed: onHandshakeFailure }: BindOptions,
  ownCertificate?: ServerIdentity,
): object | undefined {
  const encrypted = () => ({ ...(serverIdentity(tls) ?? ownCertificate), ...clientDemands(tls), onHandshakeFailure });
  switch (scheme) {
    case 'nnrps':
      return encrypted();
    case 'nnrp+quic':
      return { ...encrypted(), ...quicConnections(file.config), ...(!alpn && { alpn: false }) };
    case 'ws':
      return { onHandshakeFailure };
    case 'wss':
      return { tls: serverIdentity(tls), onHandshakeFailure };
    default:
      return undefined;
  }
}

/** What the file says of connections is for QUIC, too. */
function quicConnections({ maxConnections }: NnrpServerOptions): object {
  return maxConnections === undefined ? {} : { maxConnections: Math.min(maxConnections + ROOM_TO_TELL, MAX_COUNT) };
}

async function renew(server: NnrpServer, options: BindOptions): Promise<void> {
  const { addresses } = options;
  const wanted = server.endpoints.flatMap((endpoint, index) => {
    const { scheme, tls: files } = addresses[index] as ListenAddress;
    // Whatever is read now, sessions are served meanwhile.
    const tls: CertificateFiles = { ...files, silenceMs: 0 };
    return tls.cert === undefined || (scheme !== 'nnrps' && scheme !== 'nnrp+quic' && scheme !== 'wss')
      ? []
      : [{ endpoint, scheme, tls }];
  });
  // All files are read before anything changes. That the same pair fits one transport and not another does not happen.
  const given = await Promise.all(
    wanted.map(({ endpoint, scheme, tls }) => renewal(endpoint.localAddress, scheme, tls, options)),
  );
  for (const [index, { endpoint, tls }] of wanted.entries()) {
    try {
      endpoint.renew(given[index] as object);
    } catch (error) {
      throw explainFileError(error, tls);
    }
  }
}

/** What an endpoint of a scheme takes for a renewal. */
async function renewal(address: string, scheme: Scheme, tls: CertificateFiles, options: BindOptions): Promise<object> {
  if (scheme === 'wss') return serverIdentity(tls) as ServerIdentity;
  const own = ownOptions(scheme, tls, options) as object;
  if (scheme === 'nnrps') return own;
  const { QuicServerEndpointConfig } = await import('nnrp-transport-quic');
  try {
    return new QuicServerEndpointConfig(address, own as ConstructorParameters<typeof QuicServerEndpointConfig>[1]);
  } catch (error) {
    throw explainFileError(error, tls);
  }
}

/** @param ownCertificate - that has been made for QUIC; clients find it by the port */
function boundAddresses(
  { endpoints }: NnrpServer,
  addresses: readonly ListenAddress[],
  ownCertificate: ServerIdentity | undefined,
): BoundAddress[] {
  const bound: BoundAddress[] = [];
  try {
    for (const [index, { localAddress: address }] of endpoints.entries()) {
      const listened = addresses[index] as ListenAddress;
      const isOwn = listened.scheme === 'nnrp+quic' && listened.tls.cert === undefined;
      const certificate =
        isOwn && ownCertificate !== undefined
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
