import { NnrpClient, type PeerIdentity } from 'nnrp-runtime/client';
import type { FramedConnector, FramedTransport } from 'nnrp-runtime/transport';
import type { QuicFacts } from 'nnrp-transport-quic';
import type { Address } from '../transport/addresses.js';
import type { ClientTransports } from '../transport/client-transports.js';
import { connectorTo } from './connector.js';

/** A connection to the server, and what is known of it. */
export interface Link {
  readonly client: NnrpClient;
  /** The identity that the server has proved; only TLS, and WebSocket over TLS, have one. */
  readonly server: PeerIdentity | undefined;
  /** What QUIC tells of the connection. */
  readonly quic: QuicFacts | undefined;
  /** Milliseconds that it took to connect, handshakes included. */
  readonly connectMs: number;
}

/** A connection for round trips alone: it neither greets nor comes back. */
const CONFIG = { reconnect: 'never', hello: false, keepAliveMs: 0 } as const;

/**
 * Connects to one address. The client is the one without the transports of Node.js, which loads faster.
 *
 * @throws (as a rejection) CommandUsageError or UsageError when address or options cannot work; any other error when no
 * connection comes about
 */
export async function connectLink(
  address: Address,
  { transports, explain }: ClientTransports,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Link> {
  const began = performance.now();
  try {
    const connector = new Remembering(await connectorTo(address, transports[address.scheme] ?? {}, timeoutMs));
    const times = { connectTimeoutMs: timeoutMs, pingTimeoutMs: timeoutMs };
    const client = await NnrpClient.connect(connector, { ...CONFIG, ...times, signal });
    const connectMs = performance.now() - began;
    const { last } = connector;
    return { client, server: last?.peerIdentity, quic: last && (await quicFactsOf(last)), connectMs };
  } catch (error) {
    throw explain(error);
  }
}

async function quicFactsOf(transport: FramedTransport): Promise<QuicFacts | undefined> {
  if (transport.kind !== 'quic') return undefined;
  const { quicFacts } = await import('nnrp-transport-quic');
  return quicFacts(transport);
}

/** A client does not show the transport that it has. */
class Remembering implements FramedConnector {
  readonly kind: FramedConnector['kind'];
  last: FramedTransport | undefined;

  constructor(private readonly inner: FramedConnector) {
    this.kind = inner.kind;
  }

  async connect(signal?: AbortSignal): Promise<FramedTransport> {
    this.last = await this.inner.connect(signal);
    return this.last;
  }
}
