import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import * as preview3 from 'nnrp-core/preview3';
import { AsyncQueue } from '../../../src/base/queues/async-queue.js';
import { NnrpClient } from '../../../src/client/client.js';
import { NnrpServer } from '../../../src/server/server.js';
import { IpcConnector, IpcListener } from '../../../src/transport/ipc/ipc.js';
import { parseIpcAddress } from '../../../src/transport/ipc/ipc-address.js';
import type { BareListener, Carrier } from '../../support/carrier-contract.js';

let folder: string | undefined;
let count = 0;

/** A path that is free, in a directory that goes with the process. */
export function freePath(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'nnrp-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return join(folder, `${++count}.sock`);
}

/** Sessions over Unix domain sockets. */
export const ipcCarrier: Carrier = {
  transportId: preview3.TransportId.Unspecified,
  otherTransportId: preview3.TransportId.Tcp,
  peerAddress: /^unix:\/.*\.sock$/,
  hasAddresses: false,
  hasHalves: true,
  turnedAway: 'NNRP_ERR_TRANSPORT',
  bind: (config) => NnrpServer.bindIpc(freePath(), {}, config),
  listen: () => IpcListener.bind(freePath()),
  openClient: (address, config) => NnrpClient.connectIpc(address, config),
  connect: (address) => new IpcConnector(address).connect(),

  async dial(address): Promise<Duplex> {
    const socket = createConnection({ path: parseIpcAddress(address).path });
    await once(socket, 'connect');
    return socket;
  },

  async listenBare(): Promise<BareListener> {
    const path = freePath();
    const server = createServer();
    const accepted = new AsyncQueue<Duplex>();
    server.on('connection', (socket) => accepted.push(socket));
    server.listen(path);
    await once(server, 'listening');
    return { address: `unix:${path}`, accept: () => accepted.next(), close: () => void server.close() };
  },

  // There is no reset: an end inside of a packet is the nearest.
  reset(stream): void {
    stream.write('N');
    stream.destroy();
  },
};
