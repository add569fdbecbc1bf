import { afterEach } from 'vitest';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import type { ServeHandlers } from '../../src/server/serve/serve-handlers.js';
import type { NnrpServer } from '../../src/server/server.js';
import { carrier } from '../support/carrier.js';
import { type OpenFields, Peer } from './peer.js';

const ends: (() => unknown)[] = [];

/** Ends whatever a test of the file has made. */
export function cleaning(): void {
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
}

export async function listening(config: NnrpServerOptions = {}): Promise<NnrpServer> {
  const server = await carrier.bind(config);
  ends.push(() => server.close({ drainTimeoutMs: 0 }));
  return server;
}

export async function serving(handlers: ServeHandlers, config: NnrpServerOptions = {}): Promise<NnrpServer> {
  const server = await listening(config);
  server.serve(handlers);
  return server;
}

export async function peerOf(server: NnrpServer): Promise<Peer> {
  // A stream of bytes is all that a carrier gives: what is on it is the peer's own.
  const peer = new Peer(await carrier.dial(server.localAddress));
  ends.push(() => peer.end());
  return peer;
}

/** A peer with a session of the server. */
export async function opened(server: NnrpServer, fields: OpenFields = {}): Promise<{ peer: Peer; session: number }> {
  const peer = await peerOf(server);
  const { session } = await peer.opened(fields);
  return { peer, session };
}
