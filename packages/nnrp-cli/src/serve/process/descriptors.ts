import { readSmallFile } from '../../files/small-file.js';

/** What a server of NNRP holds at most by default, see `maxConnections`. */
const MOST_CONNECTIONS = 10_000;
/** For newcomers that are told that the server is full, for connections of handlers, the port for operators, files. */
const SPARE = 256;

/**
 * Without a free descriptor the system closes new connections and does not tell this process; handlers and operators cannot
 * open anything either. A server that takes fewer connections than there are descriptors says to each that it is full.
 *
 * @param limits - the text of /proc/self/limits; undefined where there is none
 * @param byDefault - how many connections the server takes by default
 * @returns how many it may take, where that is less
 */
export function connectionsWithin(
  limits: string | undefined,
  byDefault: number = MOST_CONNECTIONS,
): { readonly maxConnections?: number } {
  const limit = Number(/^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1] ?? Number.POSITIVE_INFINITY);
  const most = Math.max(1, limit - Math.min(SPARE, Math.ceil(limit / 2)));
  return most < byDefault ? { maxConnections: most } : {};
}

/** Of this process. */
export function limitsOfProcess(): string | undefined {
  try {
    return readSmallFile('/proc/self/limits').toString();
  } catch {
    return undefined;
  }
}
