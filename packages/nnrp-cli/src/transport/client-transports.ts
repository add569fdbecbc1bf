import { type Address, isEncrypted, type TransportFlags } from './addresses.js';
import { clientCredentials, explainFileError } from './certificate-files.js';
import { LOCAL_HOSTS, localCertificates } from './local-certificates.js';

/** What a client tells its transports, and what to say when that was not enough. */
export interface ClientTransports {
  /** By scheme, as `NnrpClient.connect` takes them; of those that need something. */
  readonly transports: Readonly<Record<string, object>>;
  /** The error of a connection that did not come about, in the words of the command line. */
  explain(error: unknown): unknown;
}

/** What TLS says of a certificate that leads to no root of the platform. */
const IS_UNTRUSTED = /SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)/;

/**
 * Reads the certificates that the flags name. QUIC to this machine trusts what `nnrp serve --quic` of the same user has left.
 *
 * @param mayBeReference - the server may be one of another library, which agrees on no subprotocol of WebSocket
 * @throws CommandUsageError when a file cannot be read
 */
export function clientTransports(
  addresses: readonly Address[],
  flags: TransportFlags,
  mayBeReference = false,
): ClientTransports {
  const { insecure = false } = flags;
  const own = { ...clientCredentials(flags), ...(insecure && { insecureSkipVerify: true }) };
  const local = flags.ca === undefined && !insecure ? localPorts(addresses) : [];
  const found = local.flatMap((port) => localCertificates(port));
  const transports = Object.fromEntries(
    addresses.flatMap((address): [string, object][] => {
      const { scheme } = address;
      const plainly = mayBeReference && (scheme === 'ws' || scheme === 'wss') ? { offerSubprotocol: false } : undefined;
      const isQuic = scheme === 'nnrp+quic';
      const roots = isQuic && found.length > 0 ? { roots: found.map(({ pem }) => pem) } : {};
      const alpn = isQuic && flags.alpn === false ? { alpn: false } : {};
      if (isEncrypted(address)) return [[scheme, { ...own, ...roots, ...alpn, ...plainly }]];
      return plainly === undefined ? [] : [[scheme, plainly]];
    }),
  );
  const explain = (error: unknown) => {
    const explained = explainFileError(error, flags);
    if (explained !== error) return explained;
    const { message } = error as Error;
    if (flags.ca === undefined && IS_UNTRUSTED.test(message))
      return new Error(`${message}; --ca FILE names the roots to trust`, { cause: error });
    if (local.length === 0 || found.length > 0 || !message.includes('unknown root')) return error;
    const where = `on port ${local.join(' or ')}`;
    const hint = `you run no 'nnrp serve --quic' with a certificate of its own ${where}; --ca names other roots`;
    return new Error(`${message}; ${hint}`, { cause: error });
  };
  return { transports, explain };
}

/**
 * Ports of the servers that may have left a certificate for this user. Roots are for all addresses of QUIC: where one of them
 * is on another machine, there are none.
 */
function localPorts(addresses: readonly Address[]): number[] {
  const urls = addresses.flatMap(({ scheme, url }) =>
    scheme === 'nnrp+quic' && URL.canParse(url) ? [new URL(url)] : [],
  );
  const isLocal = urls.every(({ hostname }) => LOCAL_HOSTS.includes(hostname.toLowerCase().replace(/^\[|\]$/g, '')));
  return isLocal ? urls.map(({ port }) => Number(port)) : [];
}
