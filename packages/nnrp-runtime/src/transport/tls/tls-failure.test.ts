import { describe, expect, it } from 'vitest';
import { isTlsRefusal } from './tls-failure.js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

describe('a failure of TLS is a refusal, which will be the same again', () => {
  it.each([
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
    'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
    'ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER',
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    'CERT_HAS_EXPIRED',
    'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
  ])('by %s', (code) => {
    expect(isTlsRefusal(withCode(code))).toBe(true);
  });

  it.each(['ECONNRESET', 'EPIPE', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'])(
    'but not by %s',
    (code) => {
      expect(isTlsRefusal(withCode(code))).toBe(false);
    },
  );

  it('but not by an error without a code', () => {
    expect(isTlsRefusal(new Error('x'))).toBe(false);
  });
});
