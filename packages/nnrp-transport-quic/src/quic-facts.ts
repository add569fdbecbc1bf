import type { FramedTransport } from 'nnrp-runtime/transport';
import type { PathFacts, QuicCipher } from './engine.js';

/** What a QUIC connection is, and how it fares at this moment. A plain object, without secrets. */
export interface QuicFacts {
  readonly quicVersion: 1;
  readonly tlsVersion: 'TLSv1.3';
  /** The cipher suite that both ends have agreed on. */
  readonly cipher: QuicCipher;
  /** The protocol that both ends have agreed on; undefined without ALPN. */
  readonly alpn: string | undefined;
  /** Data is never sent before the handshake is complete. */
  readonly zeroRtt: false;
  /** Milliseconds from the first datagram to the complete handshake, at this end. */
  readonly handshakeMs: number;
  /** The peer's certificate in DER; undefined when it has shown none. The memory is the connection's: it is to be read only. */
  readonly peerCertificate: Uint8Array | undefined;
  /** Undefined once the connection is over. */
  readonly path: PathFacts | undefined;
}

/** The facts of a connection of this package, of any copy of it; undefined for those of other transports. */
export function quicFacts(transport: FramedTransport): QuicFacts | undefined {
  return (transport as { readonly quic?: QuicFacts }).quic;
}
