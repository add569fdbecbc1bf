import type { HostRoute } from '../transport/routes/host-route.js';
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
  /**
   * The address is the name of an application, `nnrp://authority` or `nnrps://authority`, and these are the routes to it. Those that
   * can be taken race as addresses do, what costs less and what is closer first. `nnrps://` takes only what is encrypted and
   * proved, and a certificate must be for the host of the authority unless `serverName` says otherwise. Options of `transports` go
   * by the schemes of locators: `{ quic: { alpn: false } }`.
   */
  readonly routes?: readonly (string | HostRoute)[] | undefined;
}
