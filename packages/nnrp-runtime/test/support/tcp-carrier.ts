import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import * as preview3 from 'nnrp-core/preview3';
import { AsyncQueue } from '../../src/base/queues/async-queue.js';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import { formatAddress, parseAddress } from '../../src/transport/address/address.js';
import { TcpConnector, TcpListener } from '../../src/transport/tcp/tcp.js';
import type { BareListener, Carrier } from './carrier-contract.js';

const ANY_PORT = '127.0.0.1:0';

/** Sessions over TCP. */
export const tcpCarrier: Carrier = {
  transportId: preview3.TransportId.Tcp,
  otherTransportId: preview3.TransportId.Quic,
  peerAddress: /^127\.0\.0\.1:\d+$/,
  hasAddresses: true,
  hasHalves: true,
  turnedAway: 'NNRP_ERR_TRANSPORT',
  bind: (config) => NnrpServer.bindTcp(ANY_PORT, config),
  listen: () => TcpListener.bind(ANY_PORT),
  openClient: (address, config) => NnrpClient.connectTcp(address, config),
  connect: (address) => new TcpConnector(address).connect(),

  async dial(address): Promise<Duplex> {
    const socket = createConnection({ ...parseAddress(address), noDelay: true });
    await once(socket, 'connect');
    return socket;
  },

  async listenBare(): Promise<BareListener> {
    const server = createServer({ noDelay: true });
    const accepted = new AsyncQueue<Duplex>();
    server.on('connection', (socket) => accepted.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { address, port } = server.address() as { address: string; port: number };
    return {
      address: formatAddress(address, port),
      accept: () => accepted.next(),
      close: () => void server.close(),
    };
  },

  reset: (stream) => void (stream as Socket).resetAndDestroy(),
};
