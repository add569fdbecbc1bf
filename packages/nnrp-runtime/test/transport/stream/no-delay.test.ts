import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { NnrpClient } from '../../../src/client/client.js';
import { NnrpServer } from '../../../src/server/server.js';
import { issue } from '../../support/certificates.js';

const CHANNELS = ['net.client.socket', 'net.server.socket'];
const { certificate, key } = await issue({ name: 'CN=localhost', ips: ['127.0.0.1'], dns: ['localhost'] });

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** What Node.js knows of a socket beside its public members. */
function isWithoutDelay(socket: Socket): unknown {
  const noDelay = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kSetNoDelay');
  return noDelay && (socket as unknown as Record<symbol, unknown>)[noDelay];
}

it.each([
  ['nnrp', {}, {}],
  ['nnrps', { tls: { certificateChain: certificate, privateKey: key } }, { tls: { roots: certificate } }],
])(
  'an answer of several packets waits for no acknowledgement of the first, over %s://',
  async (scheme, served, trusted) => {
    const sockets: Socket[] = [];
    const found = (message: unknown) => sockets.push((message as { readonly socket: Socket }).socket);
    for (const channel of CHANNELS) {
      subscribe(channel, found);
      cleanup.push(() => unsubscribe(channel, found));
    }
    const server = await NnrpServer.listen(`${scheme}://127.0.0.1:0`, served);
    cleanup.push(() => server.close());
    server.serve({ submit: ({ body }) => body }).catch(() => {});
    const client = await NnrpClient.connect(`${scheme}://${server.localAddress}`, { revision: 'preview4', ...trusted });
    cleanup.push(() => client.close());
    expect((await (await client.openSession()).request('x')).text()).toBe('x');
    expect(sockets.length).toBeGreaterThanOrEqual(2);
    expect(sockets.map(isWithoutDelay)).toEqual(sockets.map(() => true));
  },
);
