import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { NnrpError } from 'nnrp-core';
import type { CertificateSource, PeerIdentity, StreamTransportOptions } from 'nnrp-runtime/transport';

/** Name of NNRP/1 as a sub-protocol of WebSocket. */
export const SUBPROTOCOL = 'nnrp.1';

/** How packets are read from a connection and written to it. */
export type WebSocketTransportOptions = Pick<
  StreamTransportOptions,
  'maxPacketBytes' | 'revision' | 'highWaterBytes' | 'stallTimeoutMs' | 'closeTimeoutMs'
>;

/** A server of the application's, and the path at which NNRP is spoken there. */
export interface AttachTarget {
  /** It listens, or will; it is neither started nor closed. */
  readonly server: HttpServer | HttpsServer;
  /** Path of the upgrade request, without a query; default `/`. Upgrades at other paths are left to the application. */
  readonly path?: string | undefined;
}

/** What is known of a peer from its upgrade request. */
export type UpgradeIdentity = Partial<PeerIdentity>;

/** Certificate and key of a server that speaks TLS by itself (`wss:`). */
export interface WebSocketTlsOptions {
  /** The server's certificate first, then those that lead to its root. */
  readonly certificateChain: CertificateSource;
  /** Private key of the first certificate: PEM, or DER (PKCS#8, SEC1, PKCS#1). Read once, not kept as given. */
  readonly privateKey: string | Uint8Array;
  /** Opens an encrypted `privateKey`. */
  readonly passphrase?: string | undefined;
}

/** What a server can be told. */
export interface WebSocketServerOptions extends WebSocketTransportOptions {
  /** Certificate and key, for a server that listens by itself; without them it speaks `ws:`. */
  readonly tls?: WebSocketTlsOptions | undefined;
  /**
   * Origins whose pages may connect, each as a browser sends it, such as `https://app.example`; `'*'` for all; or a function
   * that decides at once: a promise refuses with status 500. Clients other than browsers send none, and are let in. Default: pages of the host that the request was
   * sent to.
   */
  readonly origins?: readonly string[] | '*' | ((origin: string, request: IncomingMessage) => boolean) | undefined;
  /**
   * Looks at the upgrade request (headers, cookies, the address) before anything else is said. What it returns is the
   * `peerIdentity` that the session policy sees, authorized unless it says otherwise; undefined stands for no identity,
   * false refuses with status 401. A promise may take `handshakeTimeoutMs`; an error refuses with status 500.
   */
  readonly identify?:
    | ((
        request: IncomingMessage,
      ) => UpgradeIdentity | false | undefined | PromiseLike<UpgradeIdentity | false | undefined>)
    | undefined;
  /** Refuses clients that do not offer the sub-protocol `nnrp.1`; default false: a client that offers none will do. */
  readonly requireSubprotocol?: boolean | undefined;
  /** Milliseconds from the connection to the end of the upgrade, whatever the peer sends meanwhile; default 10000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Connections without an upgrade at once. One too many cuts the oldest that is silent, else the oldest. 0 = no limit;
   * default 1024. With a server of the application's, upgrades that `identify` has not answered.
   */
  readonly maxHandshakes?: number | undefined;
  /**
   * The same for one address: an IPv4 address, or the /64 of an IPv6 address. Behind a proxy all clients have one address: 0
   * = no limit may be better there; default a quarter of maxHandshakes.
   */
  readonly maxHandshakesPerAddress?: number | undefined;
  /**
   * Called once for each upgrade that was refused or came to nothing, because the peer has left or its time was up. The message
   * says whose, and why. Garbage of strangers counts too, and so does a TLS handshake that fails: bound what you log. A server
   * of the application's has its own `clientError` for what is no request.
   */
  readonly onHandshakeFailure?: ((error: NnrpError) => void) | undefined;
}

/** What a client can be told. */
export interface WebSocketClientOptions extends WebSocketTransportOptions {
  /** Milliseconds for the connection to come about, TLS and upgrade included; default 10000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Headers of the upgrade request, such as `authorization` or `cookie`. Read once. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The `origin` header, for servers that want one; default none. */
  readonly origin?: string | undefined;
  /** Whether the sub-protocol `nnrp.1` is offered; a server must agree on it then, and those of the reference do not. Default true. */
  readonly offerSubprotocol?: boolean | undefined;
  /** Of `wss:`: roots that the server's certificate must lead to; default those of Node. */
  readonly roots?: CertificateSource | undefined;
  /** Of `wss:`: name that the server's certificate must have; default the host of the URL. */
  readonly serverName?: string | undefined;
  /** Of `wss:`: certificate of this client, for servers that ask for one: its own first, then those that lead to its root. */
  readonly certificateChain?: CertificateSource | undefined;
  /** Of `wss:`: private key of the first certificate. */
  readonly privateKey?: string | Uint8Array | undefined;
  /** Opens an encrypted `privateKey`. */
  readonly passphrase?: string | undefined;
  /**
   * Of `wss:`: exactly true takes any certificate: anyone between client and server can then read and change everything.
   * Nothing else switches verification off.
   */
  readonly insecureSkipVerify?: boolean | undefined;
}
