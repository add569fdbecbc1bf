import { describeFault, type OtherProtocol, otherProtocol, ProtocolError, shownStart, type WireFault } from 'nnrp-core';
import { ErrorCode } from 'nnrp-core/preview3';

/** What each other protocol means at one of the ends, and what to do. NNRP is what is spoken here. */
export type ProtocolAdvice = Readonly<Partial<Record<OtherProtocol, string>>>;

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
export function framingError(fault: WireFault, foreign: Uint8Array | undefined, advice: ProtocolAdvice): ProtocolError {
  const text = describeFault(fault);
  const what = foreign === undefined ? '' : whatCame(foreign, advice);
  return new ProtocolError(`${text}${what}`, CODES[fault.kind] ?? ErrorCode.MalformedHeader, fault);
}

function whatCame(foreign: Uint8Array, advice: ProtocolAdvice): string {
  const meaning = advice[otherProtocol(foreign) ?? 'NNRP'];
  return `, got ${shownStart(foreign)}${meaning === undefined ? '' : `: ${meaning}`}`;
}
