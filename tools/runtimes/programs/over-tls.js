import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { QuicServerEndpointConfig } from 'nnrp-transport-quic';
import 'nnrp-transport-websocket';

/** Both ends over TLS and over WebSocket with TLS in this process. @returns the lengths of the answers of both */
export async function main() {
  const { certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const { certificateDer, privateKeyPkcs8Der } = certificate;
  const lengths = [];
  for (const address of ['nnrps://127.0.0.1:0', 'wss://127.0.0.1:0/nnrp']) {
    const tls = { certificateChain: certificateDer, privateKey: privateKeyPkcs8Der };
    const server = await NnrpServer.listen(address, { tls, drainTimeoutMs: 0 });
    const serving = server.serve({ submit: ({ body }) => body });
    const { localAddress } = server;
    const url = localAddress.includes('://') ? localAddress : `nnrps://${localAddress}`;
    const client = await NnrpClient.connect(url, { tls: { roots: certificateDer } });
    const session = await client.openSession();
    for (const length of LENGTHS) lengths.push((await session.request(new Uint8Array(length))).body.length);
    await client.close();
    await server.close();
    await serving;
  }
  return lengths;
}

const LENGTHS = [0, 10, 100_000, 3_000_000];
