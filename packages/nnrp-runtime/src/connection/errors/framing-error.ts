import { describeFault, type OtherProtocol, otherProtocol, ProtocolError, shownStart, type WireFault } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';

/** What each other protocol means at this end, and what to do. NNRP is what is spoken here. */
type Advice = Readonly<Record<Exclude<OtherProtocol, 'NNRP'>, string>>;

const AT_CLIENT: Advice = {
  TLS: 'the peer speaks TLS: use connectTls or nnrps://',
  HTTP: 'the peer answered with HTTP: a web server or a proxy listens there',
  'HTTP/2': 'the peer speaks HTTP/2, as gRPC does',
  SSH: 'the peer speaks SSH',
  PROXY: 'the peer speaks the PROXY protocol of load balancers',
};

const AT_SERVER: Advice = {
  TLS: 'the peer speaks TLS, which this server does not: use bindTls or nnrps:// here, or connectTcp or nnrp:// there',
  HTTP: 'the peer speaks HTTP: it is a browser, a probe or a scanner',
  'HTTP/2': 'the peer speaks HTTP/2, as gRPC does',
  SSH: 'the peer speaks SSH',
  PROXY: 'the peer speaks the PROXY protocol: switch it off in the load balancer',
};

const CODES: Partial<Record<WireFault['kind'], number>> = {
  unsupported_version_major: ErrorCode.UnsupportedVersion,
  unsupported_wire_format: ErrorCode.UnsupportedVersion,
  packet_too_large: ErrorCode.LimitExceeded,
};

/**
 * The error about a peer whose bytes are no packets.
 *
 * @param foreign - its first bytes, where they do not begin like a packet: the error shows some of them, and names the
 * protocol that they are of
 */
export function framingError(
  fault: WireFault,
  foreign: Uint8Array | undefined,
  role: 'client' | 'server',
): ProtocolError {
  const text = describeFault(fault);
  const what = foreign === undefined ? '' : whatCame(foreign, role === 'client' ? AT_CLIENT : AT_SERVER);
  return new ProtocolError(`${text}${what}`, CODES[fault.kind] ?? ErrorCode.MalformedHeader, fault);
}

function whatCame(foreign: Uint8Array, advice: Advice): string {
  const protocol = otherProtocol(foreign);
  const meaning = protocol === undefined || protocol === 'NNRP' ? '' : `: ${advice[protocol]}`;
  return `, got ${shownStart(foreign)}${meaning}`;
}
