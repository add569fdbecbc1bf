import {
  type FramedConnector,
  type HostPort,
  IpcConnector,
  parseAddress,
  TcpConnector,
  TlsConnector,
} from 'nnrp-runtime/transport';
import type { Address } from '../transport/addresses.js';

/**
 * What connects to an address. It is made here, by its class: a client that takes URLs brings the server and its like along.
 *
 * @param own - options of the transport
 * @throws (as a rejection) UsageError when address or options cannot work
 */
export async function connectorTo(
  { scheme, url }: Address,
  own: object,
  connectTimeoutMs: number,
): Promise<FramedConnector> {
  const defaults = { connectTimeoutMs };
  switch (scheme) {
    case 'nnrp':
      return new TcpConnector(hostPort(url), defaults);
    case 'nnrps':
      return new TlsConnector(hostPort(url), own, defaults);
    case 'unix':
      return new IpcConnector(url, defaults);
    case 'nnrp+quic': {
      const { QuicConnector } = await import('nnrp-transport-quic');
      return new QuicConnector(hostPort(url), own, defaults);
    }
    case 'ws':
    case 'wss': {
      const { WebSocketConnector } = await import('nnrp-transport-websocket');
      return new WebSocketConnector(url, own, defaults);
    }
  }
}

/** A slash may end a URL, and the zone of an IPv6 address stands there behind %25. @throws UsageError when there is more to it */
function hostPort(url: string): HostPort {
  const rest = url.replace(/^[a-z+]+:\/\//i, '').replace(/\/$/, '');
  return parseAddress(rest.replace(/^(\[[^\]%]*%)25/, '$1'));
}
