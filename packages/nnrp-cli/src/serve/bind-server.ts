import { isNnrpError, NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { formatAddress, type HostPort, parseAddress } from 'nnrp-runtime/transport';
import { CommandUsageError } from '../exit-code.js';
import { addressed } from '../transport/addressed.js';
import {
  type CertificateFiles,
  clientDemands,
  explainFileError,
  serverIdentity,
} from '../transport/certificate-files.js';
import { type LeftCertificate, LOCAL_HOSTS, leaveCertificate } from '../transport/local-certificates.js';
import { chooseTransport, type TransportFlags } from '../transport/transport-choice.js';
import { explainConfigError, readServerFile, type ServerFile } from './server-file.js';

/** Where and how a server is to listen. */
export interface ListenOptions extends TransportFlags {
  readonly listen: string;
  readonly config?: string;
  /** Milliseconds; instead of what the configuration says. */
  readonly resumeWindow?: number;
}

/** A server that listens. */
export interface BoundServer {
  readonly kind: 'tcp' | 'tls' | 'quic' | 'ipc';
  readonly server: NnrpServer;
  /** Left for clients of this machine; to be removed with the server. */
  readonly certificate?: LeftCertificate;
}

type Report = (error: Error) => void;

function serverFile({ config, resumeWindow }: ListenOptions): ServerFile {
  const file: ServerFile = config === undefined ? { config: {}, writtenAs: new Map() } : readServerFile(config);
  return resumeWindow === undefined ? file : { ...file, config: { ...file.config, resumeWindowMs: resumeWindow } };
}

/**
 * Binds a server over the transport that the options ask for.
 *
 * @param handshakeFailed - is told of every handshake that comes to nothing
 * @throws CommandUsageError or UsageError when options, files or the configuration cannot work; any other error when the
 * address cannot be bound
 */
export async function bindServer(options: ListenOptions, handshakeFailed: Report): Promise<BoundServer> {
  const { address: listen, flags, isLocal } = addressed(options.listen, options);
  const choice = chooseTransport(flags);
  const file = serverFile(options);
  if (isLocal) return { kind: 'ipc', server: await bindLocal(listen, options, file) };
  const address = parseAddress(listen);
  try {
    switch (choice.kind) {
      case 'tcp':
        return { kind: 'tcp', server: await NnrpServer.bindTcp(address, file.config) };
      case 'tls': {
        const { files } = choice;
        const tls = { ...serverIdentity(files), ...clientDemands(files), onHandshakeFailure: handshakeFailed };
        return { kind: 'tls', server: await NnrpServer.bindTls(address, tls, file.config) };
      }
      case 'quic':
        return await bindQuic(address, choice.files, file.config, handshakeFailed);
    }
  } catch (error) {
    const fileError = choice.kind === 'tcp' ? error : explainFileError(error, choice.files);
    if (fileError !== error || options.config === undefined || !isNnrpError(error, 'NNRP_ERR_USAGE')) throw fileError;
    throw explainConfigError(error.message, options.config, file);
  }
}

async function bindLocal(path: string, { config }: ListenOptions, file: ServerFile): Promise<NnrpServer> {
  try {
    return await NnrpServer.bindIpc(path, {}, file.config);
  } catch (error) {
    // What is wrong with the address is not in the file.
    const isOfFile = isNnrpError(error, 'NNRP_ERR_USAGE') && !error.rawMessage.startsWith('address: ');
    throw config !== undefined && isOfFile ? explainConfigError(error.message, config, file) : error;
  }
}

/** Connections of QUIC above those of the server: it could not tell clients that it is full otherwise. */
const ROOM_TO_TELL = 2000;
const MAX_COUNT = 0x7fffffff;

async function bindQuic(
  address: HostPort,
  files: CertificateFiles,
  config: NnrpServerOptions,
  onHandshakeFailure: Report,
): Promise<BoundServer> {
  // Loaded when it is wanted: it brings a binary along.
  const { QuicProvider, QuicServerEndpointConfig } = await import('nnrp-transport-quic');
  // What the file says of connections and their buffers is for the transport, too.
  const { maxConnections, highWaterBytes, stallTimeoutMs } = config;
  const settings = {
    ...clientDemands(files),
    onHandshakeFailure,
    ...(maxConnections !== undefined && { maxConnections: Math.min(maxConnections + ROOM_TO_TELL, MAX_COUNT) }),
    ...(highWaterBytes !== undefined && { highWaterBytes }),
    ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
  };
  if (files.cert !== undefined || files.key !== undefined) {
    const endpoint = new QuicServerEndpointConfig(address, { ...serverIdentity(files), ...settings });
    return { kind: 'quic', server: await QuicProvider.bind(endpoint, config) };
  }
  if (!LOCAL_HOSTS.includes(address.host.toLowerCase())) {
    const where = formatAddress(address.host, address.port);
    const which = `for ${LOCAL_HOSTS.join(', ')} only`;
    throw new CommandUsageError(
      `--quic on ${where} needs --cert and --key: the certificate that serve makes itself is ${which}`,
    );
  }
  const { config: endpoint, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(address, settings);
  const server = await QuicProvider.bind(endpoint, config);
  try {
    const { port } = parseAddress(server.localAddress);
    return { kind: 'quic', server, certificate: leaveCertificate(port, certificate.certificateDer) };
  } catch (error) {
    await server.close();
    throw error;
  }
}
