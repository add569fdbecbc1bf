import { NnrpClient, type NnrpClientOptions } from 'nnrp-runtime';
import { parseAddress } from 'nnrp-runtime/transport';
import { addressed } from '../transport/addressed.js';
import { type CertificateFiles, clientFiles, explainFileError } from '../transport/certificate-files.js';
import { LOCAL_HOSTS, localCertificates } from '../transport/local-certificates.js';
import { chooseTransport, type TransportFlags } from '../transport/transport-choice.js';

/**
 * Connects over the transport that the options ask for.
 *
 * @param address - HOST:PORT, or a URL
 * @throws CommandUsageError or UsageError when options or files cannot work; any other error when no connection comes
 * about
 */
export async function connectClient(
  address: string,
  given: TransportFlags,
  config: NnrpClientOptions & { readonly connectTimeoutMs: number },
): Promise<NnrpClient> {
  const { address: to, flags, isLocal } = addressed(address, given);
  if (isLocal) return NnrpClient.connectIpc(to, config);
  const choice = chooseTransport(flags);
  if (choice.kind === 'tcp') return NnrpClient.connectTcp(to, config);
  const { files } = choice;
  try {
    if (choice.kind === 'tls') return await NnrpClient.connectTls(to, clientFiles(files), config);
    return await connectQuic(to, files, choice.insecure, config);
  } catch (error) {
    throw explainFileError(error, files);
  }
}

/** Trusts --ca, else the servers that this user runs on this machine, else the roots of the platform. */
async function connectQuic(
  to: string,
  files: CertificateFiles,
  insecureSkipVerify: boolean,
  config: NnrpClientOptions & { readonly connectTimeoutMs: number },
): Promise<NnrpClient> {
  const { host, port } = parseAddress(to);
  const asked = files.ca !== undefined || insecureSkipVerify;
  const local = !asked && LOCAL_HOSTS.includes(host.toLowerCase());
  const found = local ? localCertificates(port) : [];
  // Loaded when it is wanted: it brings a binary along.
  const { QuicProvider } = await import('nnrp-transport-quic');
  const endpoint = {
    ...clientFiles(files),
    ...(found.length > 0 && { roots: found.map(({ pem }) => pem) }),
    insecureSkipVerify,
    handshakeTimeoutMs: config.connectTimeoutMs,
  };
  try {
    return await QuicProvider.connect(to, endpoint, config);
  } catch (error) {
    if (!local || found.length > 0 || !(error as Error).message.includes('unknown root')) throw error;
    const hint = `you run no 'nnrp serve --quic' with a certificate of its own on port ${port}; --ca names other roots`;
    throw new Error(`${(error as Error).message}; ${hint}`, { cause: error });
  }
}
