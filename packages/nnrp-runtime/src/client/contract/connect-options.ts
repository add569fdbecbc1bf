import type { NnrpClientOptions } from './client-config.js';

/** Options of a client that is given the address of its server as a URL, or several addresses. */
export interface PortableConnectOptions extends NnrpClientOptions {
  /** Of encrypted transports. It is refused where no address is encrypted. */
  readonly tls?: object | undefined;
  /**
   * Of the transport of one scheme, such as `{ wss: { maxHeldBytes: 1_000_000 } }`; for that one they take the place of `tls`.
   */
  readonly transports?: Readonly<Record<string, object>> | undefined;
}
