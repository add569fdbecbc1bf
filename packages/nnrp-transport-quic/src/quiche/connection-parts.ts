import type { HostPort } from 'nnrp-runtime/transport';
import type { ConnectionSettings } from '../engine.js';
import type { QuicheConnection, QuicheHost } from './binding.js';
import type { Endpoint } from './endpoint.js';
import type { QuicheStream } from './quiche-stream.js';

/** What a connection is made of. */
export interface ConnectionParts {
  readonly endpoint: Endpoint;
  readonly connection: QuicheConnection;
  /** The id by which the peer names it. */
  readonly scid: Uint8Array;
  readonly peer: HostPort;
  /** The end of the path on this side, as the connection was made with. */
  readonly local: QuicheHost;
  /** Connections of this end open the stream. */
  readonly isClient: boolean;
  readonly settings: ConnectionSettings;
  /** Looks at a peer whose handshake is complete. @returns why it is not taken, and with which alert of TLS */
  readonly verifyPeer: (connection: QuicheConnection) => Refusal | undefined;
  /** Words for a peer that the library itself refuses with this code of QUIC; undefined where it has said enough. */
  readonly explain?: (connection: QuicheConnection, errorCode: number) => string | undefined;
  /** The handshake is complete. */
  readonly connected: (stream: QuicheStream) => void;
  /** The handshake came to nothing. */
  readonly failed: (error: Error) => void;
  /** An id that the peer uses for the handshake. */
  readonly handshakeKey?: string;
}

/** Why a peer is not taken after a complete handshake. */
export interface Refusal {
  readonly why: string;
  readonly alert: number;
}
