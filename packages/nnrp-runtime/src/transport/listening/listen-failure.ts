import { TransportError } from 'nnrp-core';
import { formatAddress } from '../address/address.js';

/**
 * Why a socket does not listen.
 *
 * @param where - it was tried, to be read behind the address
 */
export function listenFailure(host: string, port: number, error: Error, where = ''): TransportError {
  const hint = host === '*' ? '; all addresses of a machine are 0.0.0.0, or [::] with those of IPv6' : '';
  const text = `cannot listen on ${formatAddress(host, port)}${where}: ${error.message}${hint}`;
  // The address will not be free, or this machine's, by itself.
  return new TransportError(text, { cause: error, isRetryable: false });
}
