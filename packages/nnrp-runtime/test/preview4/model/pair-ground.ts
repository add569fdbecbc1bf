import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import { NnrpServer } from '../../../src/server/server.js';
import type { FramedConnector } from '../../../src/transport/contract/contract.js';
import { IpcConnector } from '../../../src/transport/ipc/ipc.js';
import { TcpConnector } from '../../../src/transport/tcp/tcp.js';
import { TlsConnector } from '../../../src/transport/tls/tls.js';
import { issue } from '../../support/certificates.js';
import { freePath } from '../../transport/ipc/ipc-carrier.js';
import { CutProxy } from './cut-proxy.js';
import type { PairNetwork } from './pair-network.js';

/** What the two sides meet over. */
export interface PairGround {
  bind(config: NnrpServerOptions): Promise<NnrpServer>;
  network(server: string): Promise<PairNetwork>;
  connector(network: PairNetwork): FramedConnector;
}

const ANY_PORT = '127.0.0.1:0';

export const tcpGround: PairGround = {
  bind: (config) => NnrpServer.bindTcp(ANY_PORT, config),
  network: (server) => CutProxy.before(server),
  connector: ({ address }) => new TcpConnector(address),
};

export const ipcGround: PairGround = {
  bind: (config) => NnrpServer.bindIpc(freePath(), {}, config),
  network: (server) => CutProxy.before(server, freePath()),
  connector: ({ address }) => new IpcConnector(address),
};

export async function tlsGround(): Promise<PairGround> {
  const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
  return {
    bind: (config) => NnrpServer.bindTls(ANY_PORT, { certificateChain: certificate, privateKey: key }, config),
    network: (server) => CutProxy.before(server),
    connector: ({ address }) => new TlsConnector(address, { roots: certificate }),
  };
}
