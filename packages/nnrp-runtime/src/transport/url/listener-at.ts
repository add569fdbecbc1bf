import { UsageError } from 'nnrp-core';
import { readOptions } from '../../base/options.js';
import type { FramedListener } from '../contract/contract.js';
import type { TcpOptions } from '../tcp/tcp-options.js';
import type { TlsServerOptions } from '../tls/tls-options.js';
import { readAddresses } from './addresses.js';
import { parseTransportUrl } from './transport-url.js';
import { listenersOn } from './transports-by-url.js';
import type { OwnOptions } from './url-options.js';

/** What a listener at an address is told: `tls` where it is encrypted, or under `transports` by the scheme. */
export type ListenerAtOptions = OwnOptions<TlsServerOptions>;

const NAMES: ReadonlySet<string> = new Set(['tls', 'transports']);

/**
 * What makes the listener of one address, for `NnrpServer.listenOn`: there each address has options of its own, such as another
 * certificate, where `NnrpServer.listen` has one set for all addresses of a scheme.
 *
 * @param address - as `NnrpServer.listen` takes it
 * @throws UsageError on an address that is none, and options that mean nothing for it
 * @example
 * await NnrpServer.listenOn([
 *   listenerAt('nnrps://10.0.0.1:4433', { tls: inside }),
 *   listenerAt('nnrps://0.0.0.0:443', { tls: outside }),
 * ]);
 */
export function listenerAt(
  address: string,
  options: ListenerAtOptions = {},
): (limits: TcpOptions) => Promise<FramedListener> {
  if (typeof address !== 'string') throw new UsageError(`listenerAt: address takes a text, got ${typeof address}`);
  const own = readOptions('listenerAt', options, NAMES);
  const [source] = listenersOn(readAddresses('listenerAt', address, parseTransportUrl), own);
  return source as NonNullable<typeof source>;
}
