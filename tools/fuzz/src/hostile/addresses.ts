/** Where an attacked server, or a hostile one, is to be found. */
export interface Addresses {
  readonly tcp: string;
  readonly tls: string;
  readonly quic: string;
  /** The certificate of TLS and QUIC in DER, base64. */
  readonly root: string;
}

export type SocketCarrier = 'tcp' | 'tls' | 'quic';

/** Three in four by TCP, one in eight by each of the others. */
export function carrierOf(index: number): SocketCarrier {
  return index % 8 === 6 ? 'tls' : index % 8 === 7 ? 'quic' : 'tcp';
}
