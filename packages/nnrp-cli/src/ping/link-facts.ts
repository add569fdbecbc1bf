import { X509Certificate } from 'node:crypto';
import type { PeerIdentity } from 'nnrp-runtime/client';
import { type Address, isEncrypted, transportName } from '../transport/addresses.js';
import type { Link } from './link.js';
import { shownMs } from './ping-statistics.js';

/** What a connection is, in one line or two. */
export function linkFacts(address: Address, { client, server, connectMs }: Link, isVerified: boolean): string[] {
  const first = `connected to ${client.remoteAddress} by ${transportName(address)} in ${shownMs(connectMs)}`;
  if (server !== undefined) return [first, tlsFacts(server, isVerified)];
  // QUIC has no other version, and its certificate stays with the library.
  return isEncrypted(address) ? [first, `TLSv1.3, ${verification(isVerified)}`] : [first];
}

function tlsFacts(server: PeerIdentity, isVerified: boolean): string {
  const { protocol, alpn, subject, subjectAltNames, fingerprint256, certificateDer } = server;
  const names = subjectAltNames === undefined ? '' : ` (${subjectAltNames})`;
  const facts = [
    protocol ?? 'TLS',
    alpn === undefined ? 'no ALPN' : `ALPN ${alpn}`,
    `certificate of ${subject ?? 'nobody'}${names}`,
    ...(certificateDer === undefined ? [] : [`valid until ${lastDay(certificateDer)}`]),
    verification(isVerified),
    ...(fingerprint256 === undefined ? [] : [`SHA-256 ${fingerprint256}`]),
  ];
  return facts.join(', ');
}

function verification(isVerified: boolean): string {
  return isVerified ? 'verified' : 'not verified (--insecure)';
}

function lastDay(certificateDer: Uint8Array): string {
  return new Date(new X509Certificate(certificateDer).validTo).toISOString().slice(0, 10);
}
