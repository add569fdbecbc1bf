/** What a code of Node or OpenSSL means, at whichever end; "here" is the end that reports it. */
const CODES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate of the peer has expired',
  CERT_NOT_YET_VALID: 'the certificate of the peer is not valid yet',
  CERT_REVOKED: 'the certificate of the peer has been revoked',
  CERT_REJECTED: 'the certificate of the peer is not accepted',
  CERT_UNTRUSTED: 'the certificate of the peer leads to an unknown root',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of the peer is self-signed and not among the roots',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate of the peer leads to an unknown root, which it has sent along',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate of the peer leads to an unknown root',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'the certificate of the peer leads to an unknown root, or an intermediate is missing',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the certificate of the peer leads to an unknown root, or an intermediate is missing',
  INVALID_CA: 'the certificate of the peer was issued by one that may not issue any',
  INVALID_PURPOSE: 'the certificate of the peer is not meant for this use (extended key usage)',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the peer has sent no client certificate',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'ALPN: the peer offers other protocols only, not nnrp/1-tcp',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the peer speaks no version of TLS that is allowed here',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'the peer does not speak TLS: a server of NNRP without it is reached by connectTcp or nnrp://',
  ERR_SSL_HTTP_REQUEST: 'the peer speaks HTTP without TLS',
};

/** What an alert of the peer means, by its name in OpenSSL's code. */
const ALERTS: Readonly<Record<string, string>> = {
  CERTIFICATE_REQUIRED: 'the peer requires a client certificate and got none',
  NO_APPLICATION_PROTOCOL: 'ALPN: the peer speaks other protocols only, not nnrp/1-tcp',
  PROTOCOL_VERSION: 'the peer speaks no version of TLS that is allowed here',
  UNKNOWN_CA: 'the peer finds an unknown root behind our certificate',
  CERTIFICATE_EXPIRED: 'the peer finds our certificate expired',
  BAD_CERTIFICATE: 'the peer does not accept our certificate',
  CERTIFICATE_UNKNOWN: 'the peer does not accept our certificate',
  UNSUPPORTED_CERTIFICATE: 'the peer does not accept our certificate',
  CERTIFICATE_REVOKED: 'the peer finds our certificate revoked',
  ILLEGAL_PARAMETER: 'the peer finds a value in the handshake that is not allowed',
  HANDSHAKE_FAILURE: 'the peer refuses the handshake: nothing in common, or it requires a client certificate',
};

/**
 * Says in plain words why a TLS connection failed, with the code of Node or OpenSSL behind it.
 *
 * @param code - stands for the error when that only says that the connection was cut
 */
export function describeTlsFailure(
  error: Error,
  code: string | undefined = (error as NodeJS.ErrnoException).code,
): string {
  if (code === undefined) return error.message;
  const alert = alertOf(code);
  const known = alert === undefined ? CODES[code] : (ALERTS[alert] ?? 'the peer has refused the connection');
  if (known !== undefined) return `${known} (${code})`;
  if (code.startsWith('ERR_SSL_')) return `TLS failed (${code})`;
  return error.message === '' ? code : error.message;
}

/** Whether a certificate or the protocol was refused, at either end: what is tried again as it is will be refused again. */
export function isTlsRefusal(error: Error, code: string | undefined = (error as NodeJS.ErrnoException).code): boolean {
  if (code === undefined) return false;
  const alert = alertOf(code);
  return alert === undefined ? Object.hasOwn(CODES, code) : Object.hasOwn(ALERTS, alert);
}

/** The part before ALERT names a version of TLS and differs between versions of OpenSSL. */
function alertOf(code: string): string | undefined {
  return /^ERR_SSL_.*ALERT_(\w+)$/.exec(code)?.[1];
}
