import { X509Certificate } from 'node:crypto';
import type { PeerIdentity } from 'nnrp-runtime/client';
import { peerIdentity } from 'nnrp-runtime/transport';
import type { QuicFacts } from 'nnrp-transport-quic';
import { type Address, transportName } from '../transport/addresses.js';
import type { Link } from './link.js';
import { shownMs } from './ping-statistics.js';

/** What a connection is, in a line or a few. */
export function linkFacts(address: Address, { client, server, quic, connectMs }: Link, isVerified: boolean): string[] {
  const first = `connected to ${client.remoteAddress} by ${transportName(address)} in ${shownMs(connectMs)}`;
  if (quic !== undefined) return [first, tlsFacts(serverOf(quic), isVerified), quicLine(quic)];
  return server === undefined ? [first] : [first, tlsFacts(server, isVerified)];
}

/** The same as other transports tell: QUIC leaves it out at the connecting end, where few ask. */
function serverOf({ tlsVersion, alpn, peerCertificate }: QuicFacts): PeerIdentity {
  const certificate = peerCertificate === undefined ? undefined : new X509Certificate(peerCertificate);
  return peerIdentity({ asked: true, verified: true, certificate, alpn, protocol: tlsVersion });
}

/** How the connection has come about, and its path so far. */
function quicLine({ quicVersion, cipher, handshakeMs, zeroRtt, path }: QuicFacts): string {
  const facts = [`QUIC ${quicVersion}`, cipher, `handshake ${shownMs(handshakeMs)}`, zeroRtt ? '0-RTT' : 'no 0-RTT'];
  if (path !== undefined) {
    const { roundTripMs, datagramBytes, congestionWindowBytes, sentPackets, lostPackets } = path;
    facts.push(
      `round trip ${shownMs(roundTripMs)}`,
      `datagrams of ${datagramBytes} bytes`,
      `window ${congestionWindowBytes} bytes`,
      `${lostPackets} of ${sentPackets} packets lost`,
    );
  }
  return facts.join(', ');
}

function tlsFacts(server: PeerIdentity, isVerified: boolean): string {
  const { protocol, alpn, subject, subjectAltNames, fingerprint256, certificateDer } = server;
  const names = subjectAltNames === undefined ? '' : ` (${subjectAltNames})`;
  const facts = [
    protocol ?? 'TLS',
    alpn === undefined ? 'no ALPN' : `ALPN ${alpn}`,
    `certificate of ${subject ?? 'no subject'}${names}`,
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
