import { printable } from 'nnrp-core';

/** More than a handshake takes of a certificate: what tells one peer from another must not be cut. */
const MAX_NAME_BYTES = 1024 * 1024;

/** The identity that the other end of a connection has proved. Plain data, made once when the connection is; frozen. */
export interface PeerIdentity {
  /**
   * Whether the peer has shown a certificate that leads to one of this end's roots. The other fields may be set without
   * it; then they are a claim and no proof.
   */
  readonly authorized: boolean;
  /** Why not, as a stable code such as CERT_HAS_EXPIRED or NO_CERTIFICATE; absent when none was asked for. */
  readonly authorizationError?: string;
  /** Distinguished name as in RFC 2253, most specific part first, such as `CN=worker 7,O=Example`. */
  readonly subject?: string;
  /** As Node writes them, such as `DNS:worker-7.example, IP Address:10.0.0.7`. */
  readonly subjectAltNames?: string;
  /** SHA-256 over the certificate, as `AB:CD:...`. */
  readonly fingerprint256?: string;
  /** The certificate; a copy that belongs to the identity. */
  readonly certificateDer?: Uint8Array;
  /** Protocol that both ends have agreed on by ALPN. */
  readonly alpn?: string;
  /** Version of TLS, such as TLSv1.3. */
  readonly protocol?: string;
  /** What an application's own function has found out, where a transport asks one, as it was given. */
  readonly claims?: unknown;
}

/** What is read of a certificate: an X509Certificate of Node has it. */
interface ShownCertificate {
  readonly subject: string;
  readonly subjectAltName?: string | undefined;
  readonly fingerprint256: string;
  readonly raw: Uint8Array;
}

/** What a handshake has found out. */
export interface HandshakeFacts {
  /** Whether a certificate was asked for. */
  readonly asked: boolean;
  /** Whether the certificate, if there is one, has been verified. */
  readonly verified: boolean;
  readonly verificationError?: string | undefined;
  readonly certificate?: ShownCertificate | undefined;
  readonly alpn?: string | undefined;
  readonly protocol?: string | undefined;
}

/** The identity behind a handshake. Without a certificate no peer is authorized, whatever the verification says. */
export function peerIdentity(facts: HandshakeFacts): PeerIdentity {
  const { asked, verified, verificationError, certificate, alpn, protocol } = facts;
  const authorized = asked && verified && certificate !== undefined;
  const refusal = certificate === undefined ? 'NO_CERTIFICATE' : (verificationError ?? 'UNVERIFIED');
  return Object.freeze({
    authorized,
    ...(asked && !authorized && { authorizationError: refusal }),
    ...(certificate !== undefined && certificateFields(certificate)),
    ...(alpn !== undefined && { alpn }),
    ...(protocol !== undefined && { protocol }),
  });
}

function certificateFields(certificate: ShownCertificate) {
  const { subject, subjectAltName, fingerprint256, raw } = certificate;
  return {
    // Node gives one attribute a line, escaped as RFC 2253 asks, in the order of the certificate: the reverse of RFC 2253.
    ...(subject && { subject: shown(subject.split('\n').reverse().join(',')) }),
    ...(subjectAltName && { subjectAltNames: shown(subjectAltName) }),
    fingerprint256,
    certificateDer: new Uint8Array(raw),
  };
}

/** Node escapes what a terminal obeys; a peer can write right-to-left, and what has no shape, all the same. */
function shown(name: string): string {
  return printable(name, MAX_NAME_BYTES);
}
