import { type FramedConnector, TcpConnector } from 'nnrp-runtime/transport';
import { QuicConnector } from 'nnrp-transport-quic';

/** How clients get to the server. */
export interface Road {
  readonly port: number;
  /** The server's certificate in DER, base64: over QUIC. Absent: over TCP. */
  readonly root?: string;
}

/** Makes connections to the server; over QUIC they share one socket. */
export function connectorOf({ port, root }: Road): FramedConnector {
  const address = `127.0.0.1:${port}`;
  if (root === undefined) return new TcpConnector(address);
  // A moment without a turn of the event loop is no silence of the peer.
  return new QuicConnector(address, { roots: Buffer.from(root, 'base64'), handshakeTimeoutMs: 20_000 });
}
