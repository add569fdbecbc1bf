import type { Duplex } from 'node:stream';
import { TransportError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { parseAddress } from 'nnrp-runtime/transport';
import { AsyncQueue } from '../../../nnrp-runtime/src/base/queues/async-queue.js';
import type { NnrpClient } from '../../../nnrp-runtime/src/client/client.js';
import type { NnrpServer } from '../../../nnrp-runtime/src/server/server.js';
import type { BareListener, Carrier } from '../../../nnrp-runtime/test/support/carrier-contract.js';
import { QuicClientEndpointConfig } from '../../src/client-endpoint-config.js';
import type { QuicStream } from '../../src/engine.js';
import { QuicConnector } from '../../src/quic-connector.js';
import { QuicFramedListener } from '../../src/quic-listener.js';
import { QuicProvider } from '../../src/quic-provider.js';
import { quinnEngine } from '../../src/quinn/quinn-engine.js';
import { QuicServerEndpointConfig, type QuicServerOptions } from '../../src/server-endpoint-config.js';

const ANY_PORT = '127.0.0.1:0';
/** A bare peer that does not read lets the other side send little, so that it has to wait before long. */
const LITTLE = { streamWindowBytes: 64 * 1024, maxStreamWindowBytes: 64 * 1024 };

/**
 * Sessions over QUIC. To the compiler nnrp-runtime and its sources are two packages; the project that runs these tests has
 * the sources only.
 */
export const quicCarrier: Carrier = quicCarrierWith({});

/** The same with other options of both ends. */
export function quicCarrierWith(options: Pick<QuicServerOptions, 'alpn'>): Carrier {
  const { config: server, certificate } = QuicServerEndpointConfig.selfSignedLocalhost(ANY_PORT, options);
  const client = new QuicClientEndpointConfig({ roots: certificate.certificateDer, ...options });
  return {
    transportId: preview3.TransportId.Quic,
    otherTransportId: preview3.TransportId.Tcp,
    peerAddress: /^127\.0\.0\.1:\d+$/,
    hasAddresses: true,
    hasHalves: true,
    // Its socket lives on with them, and is silent to others.
    turnedAway: 'NNRP_ERR_TIMEOUT',
    listen: () => QuicFramedListener.bind(server),
    connect: (address) => new QuicConnector(address, client).connect(),

    bind: async (config) => (await QuicProvider.bind(server, config)) as unknown as NnrpServer,
    openClient: async (address, config) =>
      (await QuicProvider.connect(address, client, config)) as unknown as NnrpClient,

    // A bare stream says nothing by itself, unlike those of the package, see ConnectionSettings.preamble.
    dial: async (address) =>
      bare(await quinnEngine.dial(parseAddress(address), { ...client.settings, ...LITTLE }).connect()),

    async listenBare(): Promise<BareListener> {
      const accepted = new AsyncQueue<Duplex>();
      const socket = await quinnEngine.listen(
        { ...server.settings, ...LITTLE },
        {
          connected: (stream) => accepted.push(bare(stream)),
          handshakeFailed: (error) => accepted.end(error),
          boundHit: () => {},
          missed: () => {},
          failed: (error) => accepted.end(error),
        },
      );
      return { address: socket.address, accept: () => accepted.next(), close: () => socket.close() };
    },

    reset: (stream) => void stream.destroy(new TransportError('the test has reset the connection')),
  };
}

/** Ends with the other side, as a socket does. */
function bare(stream: QuicStream): Duplex {
  stream.allowHalfOpen = false;
  return stream;
}
