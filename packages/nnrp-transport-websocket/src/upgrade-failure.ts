import { describeTlsFailure, isTlsRefusal } from 'nnrp-runtime/transport';

/**
 * Why no upgrade came about, where Node and ws have no words of their own for it that help: what speaks at the other end is no TLS,
 * no HTTP, or knows no sub-protocol.
 *
 * @returns undefined where the error speaks for itself
 */
export function describeUpgradeFailure(error: Error): string | undefined {
  const code = codeOf(error);
  if (code === WITHOUT_TLS) return `the peer does not speak TLS: a server without it is reached by ws: (${code})`;
  if (error.message === OF_NO_SUBPROTOCOL)
    return 'the server agrees on no sub-protocol, as those of other libraries do: offerSubprotocol: false connects to them';
  if (code.startsWith('HPE_')) return `the peer does not speak HTTP (${code})`;
  return code.startsWith('ERR_SSL_') || isTlsRefusal(error, code) ? describeTlsFailure(error, code) : undefined;
}

/** Whether the same attempt would end in the same way. */
export function isFinal(error: Error): boolean {
  return isTlsRefusal(error, codeOf(error));
}

const WITHOUT_TLS = 'ERR_SSL_WRONG_VERSION_NUMBER';
/** In the words of ws, which gives it no code. */
const OF_NO_SUBPROTOCOL = 'Server sent no subprotocol';

/** `80CC:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../deps/rec_layer_s3.c:907:` */
const OF_OPENSSL = /:error:[\dA-F]+:[^:]*:[^:]*:([^:]+):/;

/** OpenSSL's code. Where writing has found it out first, Node says EPROTO, and has it as words in the message only. */
function codeOf(error: Error): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const [, reason] = code === 'EPROTO' ? (OF_OPENSSL.exec(error.message) ?? []) : [];
  return reason === undefined ? code : `ERR_SSL_${reason.toUpperCase().replaceAll(/\W/g, '_')}`;
}
