import { X509Certificate } from 'node:crypto';
import { isNnrpError } from 'nnrp-core';
import {
  type FramedTransport,
  type PeerIdentity,
  peerIdentity,
  StreamTransport,
  type StreamTransportOptions,
} from 'nnrp-runtime/transport';
import type { QuicTransportOptions } from './endpoint-options.js';
import type { QuicStream } from './engine.js';
import type { QuicFacts } from './quic-facts.js';

/** The kind that listeners and connectors report, and that `NnrpServerOptions.transport` names. On the wire transport_id 1. */
export const TRANSPORT_KIND = 'quic';

/** What every packet begins with, see {@link ConnectionSettings.preamble}. @see NNRP/1-preview3 section 3 */
export const MAGIC = new TextEncoder().encode('NNRP');

/** Packets over the stream of one connection. */
class QuicTransport extends StreamTransport {
  constructor(
    private readonly quicStream: QuicStream,
    options: StreamTransportOptions,
  ) {
    super(quicStream, options);
  }

  get quic(): QuicFacts {
    const { alpn, cipher, handshakeMs, peerCertificate, path } = this.quicStream;
    return {
      quicVersion: 1,
      tlsVersion: 'TLSv1.3',
      cipher,
      alpn: alpn === '' ? undefined : alpn,
      zeroRtt: false,
      handshakeMs,
      peerCertificate,
      path,
    };
  }
}

/**
 * Packets over the stream of a connection, framed as over TCP.
 *
 * @param asked - whether the peer was asked for a certificate; absent at the connecting end, which knows its server
 */
export function framed(stream: QuicStream, options: QuicTransportOptions, asked?: boolean): FramedTransport {
  const { remoteAddress } = stream;
  return new QuicTransport(stream, {
    ...options,
    kind: TRANSPORT_KIND,
    borrowsWrites: 'call',
    remoteAddress,
    describeError: (error) => (isNnrpError(error) ? error.rawMessage : error.message),
    ...(asked !== undefined && { peerIdentity: identityOf(stream, asked) }),
  });
}

function identityOf({ alpn, peerCertificate }: QuicStream, asked: boolean): PeerIdentity {
  const certificate = peerCertificate === undefined ? undefined : new X509Certificate(peerCertificate);
  // A certificate that has not been verified does not get here.
  return peerIdentity({ asked, verified: true, certificate, alpn, protocol: 'TLSv1.3' });
}
