import type { TlsClientOptions } from '../transport/tls/tls-options.js';
import type { PortableConnectOptions } from './contract/connect-options.js';

/** Options of a client that is given the address of its server as a URL, or several addresses. */
export interface NnrpConnectOptions extends PortableConnectOptions {
  /** Of `nnrps://`, and of other encrypted transports. It is refused where no address is encrypted. */
  readonly tls?: TlsClientOptions | undefined;
  /**
   * Of the transport of one scheme, such as `{ 'nnrp+quic': { idleTimeoutMs: 10_000 } }`; for that one they take the place of
   * `tls`.
   */
  readonly transports?: Readonly<Record<string, object>> | undefined;
}
