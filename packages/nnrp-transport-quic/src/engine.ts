import type { Duplex } from 'node:stream';
import type { HostPort, ListenerBound, ListenerBoundName } from 'nnrp-runtime/transport';

/** How fast a sender goes, and what it takes for a sign to go slower. @see RFC 9438, RFC 9002 section 7 */
export type CongestionControl = 'cubic' | 'newreno' | 'bbr';

/** The cipher suites of TLS 1.3 that ends may agree on, the one that they prefer first. */
export type QuicCipher = 'TLS_CHACHA20_POLY1305_SHA256' | 'TLS_AES_128_GCM_SHA256' | 'TLS_AES_256_GCM_SHA384';

/** What every QUIC connection is set up with. Checked: an engine takes the values as they are. */
export interface ConnectionSettings {
  /** Milliseconds without a packet from the peer after which the connection is gone; the smaller one of both ends counts. */
  readonly idleTimeoutMs: number;
  /** Milliseconds of silence after which this end sends a sign of life; 0 = never. */
  readonly keepAliveMs: number;
  /** Milliseconds for the handshake, however busy the peer is. */
  readonly handshakeTimeoutMs: number;
  /** Bytes of the largest datagram sent to other machines at first, and of the largest that the path may turn out to carry. */
  readonly firstDatagramBytes: number;
  readonly maxDatagramBytes: number;
  /** Bytes of the largest datagram sent to peers on this machine. */
  readonly maxLoopbackDatagramBytes: number;
  /** Bytes that a peer may send ahead of the reader at first, and at most. */
  readonly streamWindowBytes: number;
  readonly maxStreamWindowBytes: number;
  readonly congestion: CongestionControl;
  /** The protocols that ends agree on by ALPN; without one there is no ALPN, and peers that offer anything are refused. */
  readonly alpn: readonly string[];
  /** Where secrets of handshakes are written to, for Wireshark. */
  readonly keyLogFile?: string;
  /** Where a file of qlog is written for each connection. */
  readonly qlogDirectory?: string;
  /**
   * Bytes that everything a client sends begins with. It sends them at once: QUIC shows a stream to the peer with its
   * first bytes only, and a server could say nothing before. At the server they count as nothing until more comes.
   */
  readonly preamble?: Uint8Array;
}

/** A certificate chain and its private key, in PEM. */
export interface PemCredentials {
  readonly cert: string;
  readonly key: string;
}

/** A listening end. */
export interface ServerSettings extends ConnectionSettings {
  readonly bindAddress: HostPort;
  readonly credentials: PemCredentials;
  /** Whether clients are asked for a certificate; with `request`, none will do, but a wrong one will not. */
  readonly clientCertificates: 'none' | 'request' | 'require';
  /** PEM; present unless clients are not asked. */
  readonly clientRoots?: string;
  /** Whether a client has to prove its address before anything is kept of it: under load, always or never. */
  readonly retry: 'auto' | 'always' | 'never';
  /** Connections at once, those included that are ending or in their handshake; packets of more are dropped. */
  readonly maxConnections: number;
  /** Handshakes under way among them, in all and of one address (0 = no limit); of more, the oldest is cut. */
  readonly maxHandshakes: number;
  readonly maxHandshakesPerAddress: number;
}

/** A connecting end. */
export interface ClientSettings extends ConnectionSettings {
  /** Where to send from; absent: the platform chooses. */
  readonly bindAddress?: HostPort;
  /** The DNS name or IP address the server's certificate must be for; absent: the host that is connected to. */
  readonly serverName?: string;
  /** PEM; absent with `verify` false. */
  readonly roots?: string;
  readonly verify: boolean;
  readonly credentials?: PemCredentials;
}

/** How a connection fares on its path, at a moment. */
export interface PathFacts {
  /** Smoothed, as RFC 9002 has it. */
  readonly roundTripMs: number;
  /** Bytes that may be under way at once. */
  readonly congestionWindowBytes: number;
  readonly sentPackets: number;
  /** Of them, those that were taken for lost. */
  readonly lostPackets: number;
  /** How often the sender was told to slow down. */
  readonly congestionEvents: number;
  /** Bytes of the largest datagram that the path carries, as far as is known. */
  readonly datagramBytes: number;
  /** How often large datagrams have ceased to arrive. */
  readonly blackHoles: number;
}

/**
 * The one stream of a connection. Writes are complete when the network has taken them; `destroy(error)` ends the whole
 * connection at once, and the peer gets to know the error's code.
 */
export interface QuicStream extends Duplex {
  /** HOST:PORT of the peer. */
  readonly remoteAddress: string;
  /** The protocol both ends have agreed on; empty without ALPN. */
  readonly alpn: string;
  readonly cipher: QuicCipher;
  /** Milliseconds that the handshake took. */
  readonly handshakeMs: number;
  /** Undefined once the connection is over. */
  readonly path: PathFacts | undefined;
  /** The peer's certificate in DER, verified; absent when it has shown none. */
  readonly peerCertificate: Uint8Array | undefined;
  /** Bytes that the peer has made room for, and what it has acknowledged since the last was written; never what it has sent. */
  readonly takenBytes: number;
  /** Whether the peer is being asked after what has not been acknowledged. */
  readonly isAsking: boolean;
}

/** What a listening end tells. */
export interface ListenerEvents {
  /** A handshake is complete. @param asked - whether the client was asked for a certificate */
  connected(stream: QuicStream, asked: boolean): void;
  /** A handshake came to nothing; says whose, and why. */
  handshakeFailed(error: Error): void;
  /** A bound has cost a peer its connection. */
  boundHit(name: ListenerBoundName): void;
  /** The socket has failed at something, and goes on. */
  missed(error: Error): void;
  /** The socket is of no use any more. */
  failed(error: Error): void;
}

/** A listening end that is bound. */
export interface QuicServerSocket {
  /** HOST:PORT, with the port it got. */
  readonly address: string;
  /** For the stats of a server. */
  readonly bounds: readonly ListenerBound[];
  /**
   * From now on handshakes go by these settings, above all by their certificate. Connections that are there, the address and
   * the limits of the socket stay as they are.
   *
   * @throws UsageError when the credentials are refused
   */
  renew(settings: ServerSettings): void;
  /** Takes no more connections; those there are live on. */
  close(): void;
}

/** A connecting end for one server: its connections share a socket. */
export interface QuicClientSocket {
  /**
   * Rejects with TransportError or TimeoutError, whose message does not name the server, or with the signal's reason.
   *
   * @param giveUp - ends the attempt; absent: it takes its time
   */
  connect(giveUp?: AbortSignal): Promise<QuicStream>;
}

/** A QUIC implementation: what stands between listeners, connectors and the network. */
export interface QuicEngine {
  /** @throws TransportError when the address cannot be bound; UsageError when the credentials are refused */
  listen(settings: ServerSettings, events: ListenerEvents): Promise<QuicServerSocket>;
  /** Touches nothing yet. */
  dial(server: HostPort, settings: ClientSettings): QuicClientSocket;
}
