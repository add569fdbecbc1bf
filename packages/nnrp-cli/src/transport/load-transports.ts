import type { Address, Scheme } from './addresses.js';

interface TransportPackage {
  readonly name: string;
  load(): Promise<unknown>;
}

const QUIC: TransportPackage = { name: 'nnrp-transport-quic', load: () => import('nnrp-transport-quic') };
const WEBSOCKET: TransportPackage = {
  name: 'nnrp-transport-websocket',
  load: () => import('nnrp-transport-websocket'),
};
const PACKAGES: Readonly<Partial<Record<Scheme, TransportPackage>>> = {
  'nnrp+quic': QUIC,
  ws: WEBSOCKET,
  wss: WEBSOCKET,
};

/**
 * Loads the packages that make transports of these addresses, which register themselves. The others are not loaded: QUIC
 * brings a binary along.
 *
 * @throws (as a rejection) an error that names the address and the package that is not installed
 */
export async function loadTransports(addresses: readonly Address[]): Promise<void> {
  for (const { scheme, url } of addresses) {
    const needed = PACKAGES[scheme];
    if (needed === undefined) continue;
    try {
      await needed.load();
    } catch (error) {
      throw isMissing(error, needed.name)
        ? new Error(`${url} needs the package ${needed.name}, which is not installed`, { cause: error })
        : error;
    }
  }
}

/** Another module that the package itself looks for in vain is another matter. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return code === 'ERR_MODULE_NOT_FOUND' && String(message).includes(`'${name}'`);
}
