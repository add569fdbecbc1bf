import { NnrpClient, type NnrpClientOptions } from 'nnrp-runtime';
import { type Address, isEncrypted, readAddresses, type TransportFlags } from '../transport/addresses.js';
import { clientCredentials, explainFileError } from '../transport/certificate-files.js';
import { loadTransports } from '../transport/load-transports.js';
import { LOCAL_HOSTS, localCertificates } from '../transport/local-certificates.js';

/**
 * Connects to the first of these addresses that can be connected to, over the transports that they and the options name.
 *
 * @param to - HOST:PORT, or URLs
 * @throws CommandUsageError or UsageError when addresses, options or files cannot work; any other error when no connection
 * comes about
 */
export async function connectClient(
  to: readonly string[],
  flags: TransportFlags,
  config: NnrpClientOptions & { readonly connectTimeoutMs: number },
): Promise<NnrpClient> {
  const addresses = readAddresses(to, flags);
  const { insecure = false } = flags;
  const own = { ...clientCredentials(flags), ...(insecure && { insecureSkipVerify: true }) };
  const local = flags.ca === undefined && !insecure ? localPorts(addresses) : [];
  const found = local.flatMap((port) => localCertificates(port));
  const transports = Object.fromEntries(
    addresses.filter(isEncrypted).map(({ scheme }) => {
      const roots = scheme === 'nnrp+quic' && found.length > 0 ? { roots: found.map(({ pem }) => pem) } : {};
      return [scheme, { ...own, ...roots }];
    }),
  );
  await loadTransports(addresses);
  try {
    return await NnrpClient.connect(
      addresses.map(({ url }) => url),
      { ...config, transports },
    );
  } catch (error) {
    const explained = explainFileError(error, flags);
    if (explained !== error || local.length === 0 || found.length > 0) throw explained;
    if (!(error as Error).message.includes('unknown root')) throw error;
    const where = `on port ${local.join(' or ')}`;
    const hint = `you run no 'nnrp serve --quic' with a certificate of its own ${where}; --ca names other roots`;
    throw new Error(`${(error as Error).message}; ${hint}`, { cause: error });
  }
}

/**
 * Ports of the servers that may have left a certificate for this user. Roots are for all addresses of QUIC: where one of them
 * is on another machine, there are none.
 */
function localPorts(addresses: readonly Address[]): number[] {
  const urls = addresses.flatMap(({ scheme, url }) =>
    scheme === 'nnrp+quic' && URL.canParse(url) ? [new URL(url)] : [],
  );
  const isLocal = urls.every(({ hostname }) => LOCAL_HOSTS.includes(hostname.toLowerCase().replace(/^\[|\]$/g, '')));
  return isLocal ? urls.map(({ port }) => Number(port)) : [];
}
