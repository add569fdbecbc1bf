import { isIP } from 'node:net';
import { printable, TransportError } from 'nnrp-core';
import { withoutZone } from './udp-socket.js';

/** The addresses of a host, in the order of the platform; at least one. @throws TransportError when there is none */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(withoutZone(host)) !== 0) return [host];
  try {
    const { lookup } = process.getBuiltinModule('node:dns/promises');
    const found = await lookup(host, { all: true, verbatim: true });
    if (found.length > 0) return found.map(({ address }) => address);
  } catch (error) {
    throw new TransportError(
      `the name '${printable(host, 255)}' cannot be looked up (${(error as NodeJS.ErrnoException).code})`,
      { cause: error },
    );
  }
  throw new TransportError(`the name '${printable(host, 255)}' has no address`);
}
