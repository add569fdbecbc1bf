import type { Duplex } from 'node:stream';
import type * as preview3 from 'nnrp-core/preview3';
import type { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientOptions } from '../../src/client/contract/client-config.js';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import type { NnrpServer } from '../../src/server/server.js';
import type { FramedListener, FramedTransport } from '../../src/transport/contract/contract.js';

/** Hands out connections as streams of bytes that nobody has looked into. */
export interface BareListener {
  /** HOST:PORT */
  readonly address: string;
  /** The next connection, which belongs to the caller. */
  accept(): Promise<Duplex>;
  /** Takes no more connections; those there are live on. */
  close(): void;
}

/**
 * What the tests of the session API run over: the same tests, whatever carries the bytes. Everything is on the loopback
 * interface, on ports that are free.
 */
export interface Carrier {
  /** What this transport is called on the wire, where preview3 has a name for it, and one that a session could move to. */
  readonly transportId: preview3.TransportId;
  readonly otherTransportId: preview3.TransportId;
  /** What a server calls its peers, and a client its server. */
  readonly peerAddress: RegExp;
  /** Whether peers have addresses of a network, so that there are bounds for each. */
  readonly hasAddresses: boolean;
  /** Whether one direction of a connection can end by itself, while the other goes on. */
  readonly hasHalves: boolean;
  /** How a client fails at a server that takes no more connections, and has some left. */
  readonly turnedAway: string;
  /** A server of this package. */
  bind(config?: NnrpServerOptions): Promise<NnrpServer>;
  /** What a server listens with. */
  listen(): Promise<FramedListener>;
  /** A client of this package. @param address - HOST:PORT */
  openClient(address: string, config?: NnrpClientOptions): Promise<NnrpClient>;
  /** What a client is made from. @param address - HOST:PORT */
  connect(address: string): Promise<FramedTransport>;
  /**
   * A connection that has sent nothing yet, as a stream of bytes: it ends when the other side ends, and `destroy` ends it
   * at once and in order. @param address - HOST:PORT
   */
  dial(address: string): Promise<Duplex>;
  /** The other way round: the same kind of stream for whoever connects. */
  listenBare(): Promise<BareListener>;
  /** Ends a stream of `dial` or `listenBare` in disorder: the other side sees an error. */
  reset(stream: Duplex): void;
}
