import { NnrpClient, type NnrpClientOptions } from 'nnrp-runtime';
import { readAddresses, type TransportFlags } from '../transport/addresses.js';
import { clientTransports } from '../transport/client-transports.js';
import { loadTransports } from '../transport/load-transports.js';

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
  const { transports, explain } = clientTransports(addresses, flags, (config.revision ?? 'preview3') !== 'preview3');
  await loadTransports(addresses);
  try {
    return await NnrpClient.connect(
      addresses.map(({ url }) => url),
      { ...config, transports },
    );
  } catch (error) {
    throw explain(error);
  }
}
