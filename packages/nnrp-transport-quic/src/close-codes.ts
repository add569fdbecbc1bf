import { printableUtf8 } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';

/** Most bytes of a stranger's reason in a message. */
const MAX_REASON_BYTES = 200;
/** TLS alert bad_certificate as QUIC sends it. */
export const BAD_CERTIFICATE = 0x12a;
/** A connection that ends in order. */
export const CLOSED_IN_ORDER = 0;

/** TLS alerts as QUIC sends them: 0x100 and the alert. @see RFC 9001 section 4.8 */
const ALERTS: Readonly<Record<number, string>> = {
  296: 'the handshake failed: nothing in common, or a client certificate is required',
  [BAD_CERTIFICATE]: 'a certificate that is damaged, or not for the name it was asked for',
  299: 'a certificate that is not meant for this use (extended key usage)',
  300: 'a certificate that has been revoked',
  301: 'a certificate that has expired or is not valid yet',
  302: 'a certificate that is not accepted',
  303: 'a handshake message with an illegal value',
  304: 'a certificate that leads to an unknown root, or an intermediate is missing',
  305: 'access denied',
  307: 'a signature that does not fit: a certificate by another issuer of that name, or a key of another',
  326: 'a version of TLS that is not allowed',
  372: 'no client certificate where one is required',
  376: 'ALPN: no protocol in common, NNRP over QUIC is nnrp/1',
};

/** @see RFC 9000 section 20.1 */
const TRANSPORT: Readonly<Record<number, string>> = {
  1: 'internal error',
  2: 'connection refused',
  3: 'flow control violated',
  4: 'more streams than the one that is allowed',
  5: 'a frame for a stream in the wrong state',
  6: 'a stream with two different ends',
  7: 'a frame that cannot be read',
  8: 'transport parameters that are not allowed',
  9: 'too many connection ids',
  10: 'a rule of QUIC broken',
  11: 'an address token that is not valid',
  12: 'closed by the application during the handshake',
  13: 'too many bytes of the handshake at once',
  14: 'new keys before the last ones were in use',
  15: 'more packets than its keys are good for',
  16: 'no way left that its packets could take',
};

/**
 * The code by which the peer learns why its connection is ended: 0, or an error code of NNRP. QUIC knows it as an
 * application error.
 *
 * @see NNRP/1-preview3 section 9.4
 */
export function applicationCode(error: Error | null): number {
  if (error === null) return CLOSED_IN_ORDER;
  const { wireCode } = error as { wireCode?: unknown };
  if (typeof wireCode === 'number' && Number.isSafeInteger(wireCode) && wireCode > 0) return wireCode;
  return preview3.ErrorCode.InternalError;
}

/** Why a connection was closed, by either end. */
export interface CloseReason {
  /** Whether the code is one of the application's, which is NNRP; else it is one of QUIC's own. */
  readonly isApp: boolean;
  readonly errorCode: number;
  /** UTF-8, as the other end wishes. */
  readonly reason: Uint8Array;
}

/** One sentence. @param what - how it begins */
export function describeClose(what: string, { isApp, errorCode, reason }: CloseReason): string {
  const meaning = isApp ? meaningOfApplicationCode(errorCode) : meaningOfTransportCode(errorCode);
  const kind = isApp ? 'application error' : 'QUIC error';
  const said = printableUtf8(reason, MAX_REASON_BYTES);
  return `${what}: ${meaning} (${kind} 0x${errorCode.toString(16)}${said === '' ? '' : `, '${said}'`})`;
}

/** Whether a certificate or the protocol was refused: what is tried again as it is will be refused again. */
export function isRefusal({ isApp, errorCode }: CloseReason): boolean {
  return !isApp && Object.hasOwn(ALERTS, errorCode);
}

function meaningOfTransportCode(code: number): string {
  return TRANSPORT[code] ?? ALERTS[code] ?? (code >= 0x100 && code < 0x200 ? 'TLS failed' : 'closed');
}

function meaningOfApplicationCode(code: number): string {
  const found = Object.entries(preview3.ErrorCode).find(([, value]) => value === code);
  // As the wire calls it, server_busy and not ServerBusy.
  const name = found?.[0].replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return name ?? 'an error of its application';
}
