import type { NnrpError, Packet, Revision, UsageError, WireFault } from 'nnrp-core';
import type { PeerIdentity } from './peer-identity.js';
import type { SentListener } from './sent-pieces.js';

/** What carries the packets. An open set: preview3 names tcp and quic on the wire, and preview4 ipc as 3. */
export type TransportKind = 'tcp' | 'quic' | 'ipc' | 'memory' | (string & {});

/**
 * A packet on its way out. The head (header and metadata) is written straight into the transport's buffer; the body is
 * lent: its memory stays the sender's.
 */
export interface OutboundPacket {
  /** Bytes that `writeHead` writes. */
  readonly headBytes: number;
  /**
   * Writes the head. May throw, before it has written anything; then the packet is not sent and `send` throws the same.
   *
   * @param bytes - the same memory as `view`, at the same offsets; may be left out, and makes it faster
   */
  writeHead(view: DataView, start: number, bytes?: Uint8Array): void;
  /**
   * May be empty. A transport copies it inside `send`, or reads it later, when its turn has come. The lender should
   * not change it until then, but may do worse: transfer its memory to another thread, or resize it. So a transport that
   * reads it later compares its length with what it was inside `send`, and leaves the packet out when it has changed: see
   * `unsent`.
   */
  readonly body: Uint8Array;
  /** Bytes of the body as the head says; default what the body has when it is looked at first. */
  readonly bodyLength?: number;
}

/**
 * What a transport delivers to. Calls never overlap, and none comes before `start` or after `closed`. A transport aborts
 * its own connection when one of them throws, with a TransportError whose cause is what was thrown; nothing else happens.
 */
export interface PacketSink {
  /**
   * Whether its peers were not chosen, as those of a server: then many that send as fast as they can should not make all
   * others wait. A transport may leave it out of account.
   */
  readonly isOneOfMany?: boolean;
  /**
   * The next packet, in order. A transport never reuses bytes that it has handed over, and does not count on them either:
   * it marks their memory as untransferable (`worker_threads.markAsUntransferable`), and bears with it when it is
   * transferred all the same.
   */
  packet(packet: Packet): void;
  /**
   * The bytes are no packets any more: nothing further will be delivered. Sending still works, so that the peer can be
   * told; the sink is expected to close.
   * @param foreign - the first bytes of what does not begin like a packet, a copy; left out where they are not known
   */
  broken(fault: WireFault, foreign?: Uint8Array): void;
  /**
   * A packet is larger than may be taken. Without this method the stream is broken.
   * @param head - its header alone
   * @returns true when its bytes are to be skipped as they come, false when the stream is broken
   */
  oversized?(head: Packet, fault: WireFault): boolean;
  /** There is room again after `send` returned false. */
  drained(): void;
  /**
   * A packet was left out because its body was transferred or resized after `send`; the ones around it have gone out. Not
   * called inside `send`. Without this method the connection is aborted with the error.
   * @param head - header and metadata as they would have been sent, without the body
   */
  unsent?(head: Packet, error: UsageError): void;
  /**
   * The peer has ended its direction and sends nothing more, but still takes what it is sent. A sink with this method
   * calls `close` when everything is said; without it, the transport closes by itself in the next turn.
   */
  peerEnded?(): void;
  /** The connection has ended; exactly once, and last. @param error - absent after an orderly end */
  closed(error?: NnrpError): void;
}

/**
 * A connection that moves whole packets and understands nothing of them.
 *
 * Backpressure: `send` always takes the packet, and says false when the sender should wait for `drained`. After
 * `pause` no packet is delivered until `resume`; what the peer sends meanwhile stays with the network as far as
 * possible, and what has been read is bounded by one chunk.
 */
export interface FramedTransport {
  readonly kind: TransportKind;
  /** For messages and policies, such as 127.0.0.1:4433. */
  readonly remoteAddress: string;
  /** The identity that the peer has proved: on both ends of TLS, and on the accepting end of other transports that ask. */
  readonly peerIdentity?: PeerIdentity;
  /**
   * Bytes received of a packet that is not complete: above 0, the peer owes the rest. 0 while nothing is delivered,
   * since it is the receiver's turn then. Transports that receive whole packets leave it out.
   */
  readonly unfinishedBytes?: number;
  /** Bytes that wait to be sent, as far as the transport knows of them. */
  readonly unsentBytes?: number;
  /** Whether the peer was given up because it did not take what it was sent; for the facts of a server. */
  readonly hasStalled?: boolean;
  /** Begins delivery; called once. Nothing is lost that arrives before. */
  start(sink: PacketSink): void;
  /**
   * Sends a packet; packets sent in one turn of the event loop are joined. The packet object is read during the call
   * only, its body perhaps later. Nothing is delivered before it returns. After the end of the connection it does nothing and returns true.
   * @returns false when the sender should wait for `drained`
   * @throws what `writeHead` throws; nothing is sent then
   */
  send(packet: OutboundPacket): boolean;
  /**
   * From now on hands on what it is given to send, also what it is given after its end; in calls that need not come before
   * `settleSent`. A transport that leaves both out has its packets written twice where sessions outlive connections.
   */
  tellSent?(listener: SentListener): void;
  /** Hands on at once what it has been given so far. */
  settleSent?(): void;
  pause(): void;
  resume(): void;
  /**
   * Changes the largest packet that is taken, in bytes, from the next header on; a larger one breaks the stream. A
   * transport that bounds its packets otherwise may leave it out.
   */
  limitPackets?(maxBytes: number): void;
  /**
   * The revision of the wire is known: from the next header on, message types are those of this one. What comes before is in
   * all of them. A transport that does not look at message types may leave it out.
   */
  speak?(revision: Revision): void;
  /**
   * The peer has ended its direction, and may be gone altogether. From now on its network is asked about it, without a
   * packet, so that one that is gone ends the connection with an error. A transport that finds out by itself leaves it out.
   */
  probe?(): void;
  /**
   * Milliseconds that `close` may take. Without it, one that has not come to its end is aborted when `unsentBytes` has not
   * become less for 2 seconds, and after 30 seconds in any case.
   */
  readonly maxCloseMs?: number;
  /** Sends what is queued and ends the connection; resolves when it has ended, within a bounded time. */
  close(): Promise<void>;
  /** Ends the connection at once; what is queued is lost. */
  abort(error?: NnrpError): void;
}

/** Connections that a listener could not take, while it goes on listening. */
export interface AcceptFailure {
  /** Of the listener, such as 127.0.0.1:4433. */
  readonly address: string;
  /** How many since the last report; reports come at most once a second. */
  readonly failures: number;
  /** Why, the last time. */
  readonly error: NnrpError;
}

/** What a listener may bound. */
export type ListenerBoundName =
  | 'acceptQueue'
  | 'tlsHandshakes'
  | 'addressTlsHandshakes'
  | 'waitingTlsHandshakes'
  | 'quicConnections'
  | 'quicHandshakes'
  | 'addressQuicHandshakes'
  | 'webSocketHandshakes'
  | 'addressWebSocketHandshakes'
  | 'waitingWebSocketHandshakes';

/** One of the things that a listener bounds, for `NnrpServer.stats`. */
export interface ListenerBound {
  readonly name: ListenerBoundName;
  /** Whether it holds for all peers, or for each address by itself. */
  readonly scope: 'server' | 'address';
  /** How much there may be; Infinity when there is no limit. */
  readonly bound: number;
  /** How much there is now; of the fullest one where it holds for each address. */
  value(): number;
}

/** Accepts connections. */
export interface FramedListener {
  readonly kind: TransportKind;
  /** Where it listens, such as 127.0.0.1:4433. */
  readonly address: string;
  /** The next connection. Rejects with ClosedError after `close`. */
  accept(): Promise<FramedTransport>;
  /** Stops accepting; connections that were accepted live on. */
  close(): Promise<void>;
  /** Set by the server of the listener; called for each connection that could not be taken. May be left out. */
  onAcceptFailed?: ((failure: AcceptFailure) => void) | undefined;
  /** What the listener bounds; asked for once. Listeners that bound nothing leave it out. */
  readonly bounds?: readonly ListenerBound[];
  /** Set by the server of the listener; called each time that one of `bounds` has cost a peer something. */
  onBoundHit?: ((name: ListenerBoundName) => void) | undefined;
  /**
   * Uses other certificates, keys and rules for client certificates from now on; connections and handshakes that are
   * there go on by the old ones. Transports without any leave it out.
   *
   * @throws UsageError when the options cannot work; nothing has changed then
   */
  renew?(options: never): void;
}

/** Makes connections. */
export interface FramedConnector {
  readonly kind: TransportKind;
  /**
   * @param signal - gives up: the promise rejects with its reason at once, and nothing is left. After that it means nothing
   * @throws TransportError or TimeoutError when no connection comes about
   */
  connect(signal?: AbortSignal): Promise<FramedTransport>;
  /**
   * For one that has several ways: the connection that it made last has ended before anything came over it.
   * @returns how many ways there are, or true for two: another is taken then, and each of them before the client gives up
   */
  ledNowhere?(): unknown;
}
