import type { Duplex } from 'node:stream';
import * as preview3 from 'nnrp-core/preview3';
import type { NnrpClient } from '../../nnrp-runtime/src/client/client.js';
import type { NnrpServer } from '../../nnrp-runtime/src/server/server.js';
import type { Carrier } from '../../nnrp-runtime/test/support/carrier-contract.js';
import { bindWebSocket, connectWebSocket, WebSocketListener, webSocketConnector } from '../src/index.js';
import { BareStream } from './bare-stream.js';
import { dialUpgraded, listenUpgraded } from './upgrading.js';

const ANY_PORT = '127.0.0.1:0';

/** Tests name a listener by HOST:PORT, or by what a server says of itself. */
function urlOf(address: string): string {
  return address.includes('://') ? address : `ws://${address}/`;
}

/**
 * Sessions over WebSocket. To the compiler nnrp-runtime and its sources are two packages; the project that runs these tests
 * has the sources only.
 */
export const webSocketCarrier: Carrier = {
  // NNRP/1-preview3 has no id for it.
  transportId: preview3.TransportId.Unspecified,
  otherTransportId: preview3.TransportId.Tcp,
  peerAddress: /^(?:ws:\/\/)?127\.0\.0\.1:\d+\/?$/,
  hasAddresses: true,
  // A close frame ends both.
  hasHalves: false,
  turnedAway: 'NNRP_ERR_TRANSPORT',
  listen: () => WebSocketListener.bind(ANY_PORT, { maxHandshakesPerAddress: 0 }),
  connect: (address) => webSocketConnector(urlOf(address)).connect(),

  // All peers have one address.
  bind: async (config) =>
    (await bindWebSocket(ANY_PORT, { maxHandshakesPerAddress: 0 }, config)) as unknown as NnrpServer,
  openClient: async (address, config) => (await connectWebSocket(urlOf(address), {}, config)) as unknown as NnrpClient,

  dial: async (address): Promise<Duplex> => new BareStream(await dialUpgraded(urlOf(address)), false),

  async listenBare() {
    const { address, accept, close } = await listenUpgraded();
    return { address, accept: async () => new BareStream(await accept(), true), close };
  },

  reset: (stream) => (stream as BareStream).reset(),
};
