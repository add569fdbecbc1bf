import { TransportError } from 'nnrp-core';
import type { FramedTransport } from 'nnrp-runtime/transport';
import { it } from 'vitest';
import type { NnrpServer } from '../../../nnrp-runtime/src/server/server.js';
import type { FramedConnector } from '../../../nnrp-runtime/src/transport/contract/contract.js';
import type { PairGround } from '../../../nnrp-runtime/test/preview4/model/pair-ground.js';
import type { PairNetwork } from '../../../nnrp-runtime/test/preview4/model/pair-network.js';
import { runsWanted, timeoutOf, walkOver } from '../../../nnrp-runtime/test/preview4/model/pair-walk.js';
import { QuicConnector } from '../../src/quic-connector.js';
import { QuicProvider } from '../../src/quic-provider.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';
import { UdpProxy } from '../support/udp-proxy.js';

const { config: SERVER, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');

/**
 * A datagram says nothing of the end of a connection, so that the client's end is cut: the server hears of it at one time, and of
 * nothing more at another, as its datagrams are lost.
 */
class QuicPairNetwork implements PairNetwork {
  private current: FramedTransport | undefined;
  private cuts = 0;

  constructor(private readonly proxy: UdpProxy) {}

  get address(): string {
    return this.proxy.address;
  }

  cut(): void {
    this.proxy.dark = ++this.cuts % 2 === 0;
    this.current?.abort(new TransportError('the test has cut the connection'));
  }

  close(): void {
    this.proxy.close();
  }

  /** What connects in the light, and remembers what it has made. */
  connector(): FramedConnector {
    const connector = new QuicConnector(this.address, { roots: certificate.certificateDer });
    return {
      kind: connector.kind,
      connect: async (signal) => {
        this.proxy.dark = false;
        this.current = await connector.connect(signal);
        return this.current as never;
      },
    };
  }
}

/** To the compiler nnrp-runtime and its sources are two packages, see quic-carrier.ts. */
const quic: PairGround = {
  bind: async (config) => (await QuicProvider.bind(SERVER, config)) as unknown as NnrpServer,
  network: async (server) => new QuicPairNetwork(await UdpProxy.before(server)),
  connector: (network) => (network as QuicPairNetwork).connector(),
};

const RUNS = runsWanted(15);

it('client and server over QUIC are what the model of preview4 says, whatever either of them does', {
  timeout: timeoutOf(RUNS),
}, async () => {
  await walkOver(quic, RUNS);
});
