import { afterEach } from 'vitest';
import type { NnrpClient } from '../../../src/client/client.js';
import type { NnrpClientOptions } from '../../../src/client/contract/client-config.js';
import { carrier } from '../../support/carrier.js';
import { type RawLink, RawServer, type RawServerOptions } from './raw-server.js';

/** A raw server of preview4 and a client of it. */
export interface Served {
  readonly server: RawServer;
  readonly client: NnrpClient;
  readonly link: RawLink;
}

/** What a test begins, ended behind it. */
export function preview4Stage() {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const later = (end: () => unknown) => void ends.push(end);
  const listen = async (options: RawServerOptions = {}) => {
    const server = await RawServer.listen(options);
    later(() => server.close());
    return server;
  };
  const connect = async (server: RawServer, config: NnrpClientOptions = {}) => {
    const client = await carrier.openClient(server.address, {
      revision: 'preview4',
      closeTimeoutMs: 100,
      ...config,
    });
    later(() => client.close({ inFlightPolicy: 1 }));
    return client;
  };
  const serve = async (options: RawServerOptions = {}, config: NnrpClientOptions = {}): Promise<Served> => {
    const server = await listen(options);
    const [client, link] = await Promise.all([connect(server, config), server.link()]);
    return { server, client, link };
  };
  return { later, listen, connect, serve };
}
