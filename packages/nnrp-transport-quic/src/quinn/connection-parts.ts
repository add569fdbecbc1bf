import type { HostPort } from 'nnrp-runtime/transport';
import type { ConnectionSettings } from '../engine.js';
import type { QuinnModule } from '../module/quinn-module.js';
import type { Endpoint } from './endpoint.js';
import type { QuinnStream } from './quinn-stream.js';

/** What a connection is made of. */
export interface ConnectionParts {
  readonly endpoint: Endpoint;
  /** The instance that has it, and its number there. */
  readonly module: QuinnModule;
  readonly index: number;
  readonly peer: HostPort;
  /** Connections of this end open the stream. */
  readonly isClient: boolean;
  readonly settings: ConnectionSettings;
  /** Words for a peer that this end refuses with this code of QUIC; undefined where the code says enough. */
  readonly explain?: (errorCode: number) => string | undefined;
  /** The handshake is complete. */
  readonly connected: (stream: QuinnStream) => void;
  /** The handshake came to nothing. */
  readonly failed: (error: Error) => void;
}
