import { announcedOpenBytes } from '../../support/session-peer.js';
import { dialled, expectHeld, flood, listening, MIB, settled, startEnd } from './driven-end.js';

/** The bound of each room here. */
export const ROOM = 32 * MIB;

export interface Driven {
  /** The bound, of `server.stats()`. */
  readonly name: string;
  readonly use: 'receive' | 'serve' | 'events' | 'policy' | 'refuse' | 'push' | 'pushInTurn' | 'answer';
  readonly config?: Record<string, unknown>;
  /** Options of `serve`, or what is pushed. */
  readonly serving?: Record<string, unknown>;
  /** Certificate and key of a server over TLS, and what it bounds. */
  readonly tls?: object;
  /** Where the built entry of a package is that brings the transport, and the options of its listener. */
  readonly package?: { readonly at: string; readonly options: object };
  readonly connections?: number;
  /** Each connection that ends is followed by another. */
  readonly again?: boolean;
  readonly bytes: (connection: number) => Iterable<Uint8Array>;
  /** What has to be counted at the bound; default almost all of ROOM. */
  readonly least?: number;
  /** What each of what is counted may hold; default 1, for what is counted in bytes. */
  readonly bytesOfOne?: number;
  /** Bytes that are counted elsewhere. */
  readonly besides?: number;
  /** Whether clients read; default true. */
  readonly reads?: boolean;
  /** Whether the memory of the whole process is compared as well. */
  readonly resident?: boolean;
}

const OPEN = { maxInFlightOperations: 0, defaultDeadlineMs: 0 };
const MANY = 1000;

/** Of a session that `opens` asks for. */
export const idOf = (connection: number, index = 0) => connection * MANY + index + 1;

/** Asks for sessions of a client that understands everything. */
export function opens(connection: number, count = 1): Uint8Array {
  const requests = Array.from({ length: count }, (_, index) =>
    announcedOpenBytes({ ...OPEN, requestedSessionId: idOf(connection, index) }),
  );
  return Buffer.concat(requests);
}

/** Drives a room of a server to its bound, and compares. */
export async function drive({ bytes, connections = 1, least = ROOM - 4096, ...driven }: Driven): Promise<void> {
  const { name, use, config, serving, tls, again = false, bytesOfOne = 1, besides = 0, reads = true } = driven;
  const { child, said } = startEnd(
    'server-end.mjs',
    JSON.stringify({ name, use, config, serving, tls, package: driven.package }),
  );
  const address = await listening(said);
  const begin = (connection: number): void => {
    const socket = dialled(address);
    if (reads) socket.resume();
    else socket.pause();
    flood(socket, bytes(connection)[Symbol.iterator]());
    if (again) socket.once('close', () => child.connected && begin(connection));
  };
  for (let connection = 0; connection < connections; connection++) begin(connection);
  const measured = await settled(child, least);
  const counted = measured.counted * bytesOfOne + besides;
  expectHeld({ ...measured, counted }, driven.resident);
}
