import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, createServer } from 'node:tls';
import { AsyncQueue } from '../../src/base/queues/async-queue.js';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import { formatAddress, parseAddress } from '../../src/transport/address/address.js';
import { TlsConnector, TlsListener } from '../../src/transport/tls/tls.js';
import type { BareListener, Carrier } from './carrier-contract.js';
import { issue } from './certificates.js';
import { tcpCarrier } from './tcp-carrier.js';

const ANY_PORT = '127.0.0.1:0';
const ALPN = 'nnrp/1-tcp';

/** Sessions over TLS, with a certificate that is made for the run. */
export async function tlsCarrier(): Promise<Carrier> {
  const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
  const server = { certificateChain: certificate, privateKey: key };
  const client = { roots: certificate };
  return {
    transportId: tcpCarrier.transportId,
    otherTransportId: tcpCarrier.otherTransportId,
    peerAddress: tcpCarrier.peerAddress,
    hasAddresses: true,
    hasHalves: true,
    turnedAway: tcpCarrier.turnedAway,
    bind: (config) => NnrpServer.bindTls(ANY_PORT, server, config),
    listen: () => TlsListener.bind(ANY_PORT, server),
    openClient: (address, config) => NnrpClient.connectTls(address, client, config),
    connect: (address) => new TlsConnector(address, client).connect(),

    async dial(address): Promise<Duplex> {
      const socket = connect({ ...parseAddress(address), ca: certificate, ALPNProtocols: [ALPN] });
      await once(socket, 'secureConnect');
      return socket;
    },

    async listenBare(): Promise<BareListener> {
      const listener = createServer({ cert: certificate, key, ALPNProtocols: [ALPN] });
      const accepted = new AsyncQueue<Duplex>();
      listener.on('secureConnection', (socket) => accepted.push(socket));
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const { address, port } = listener.address() as { address: string; port: number };
      return {
        address: formatAddress(address, port),
        accept: () => accepted.next(),
        close: () => void listener.close(),
      };
    },

    reset: (stream) => void (stream as Socket).destroy(),
  };
}
