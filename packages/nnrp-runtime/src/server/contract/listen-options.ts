import type { HostRoute } from '../../transport/routes/host-route.js';
import type { TlsServerOptions } from '../../transport/tls/tls-options.js';
import type { NnrpServerOptions } from './server-config.js';

/** Options of a server that is given its addresses as URLs. */
export interface NnrpListenOptions extends NnrpServerOptions {
  /** Of `nnrps://`, and of other encrypted transports. It is refused where no address is encrypted. */
  readonly tls?: TlsServerOptions | undefined;
  /**
   * Of the transport of one scheme, such as `{ unix: { mode: 0o660 } }`; for an encrypted one they take the place of `tls`.
   */
  readonly transports?: Readonly<Record<string, object>> | undefined;
  /**
   * The address is the name of an application, `nnrp://authority` or `nnrps://authority`, and these are the routes to it: all are
   * bound or none, and one that fails takes the others with it, see `listenersTogether`. Options of `transports` go by the schemes
   * of locators: `{ quic: { alpn: false } }`.
   */
  readonly routes?: readonly (string | HostRoute)[] | undefined;
}
