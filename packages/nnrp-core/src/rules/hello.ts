import type { WireFault } from '../faults/fault.js';
import type { ClientHello } from '../generated/preview3/client-hello.js';
import type { ServerHelloAck } from '../generated/preview3/server-hello-ack.js';
import { brokenRule } from './broken-rule.js';

/**
 * Compares the choice of the server with the offer of the client: HELLOACK-1 and HELLOACK-2 on version and wire format,
 * then HELLOACK-3 to HELLOACK-10 on bitmaps that must not exceed the offer.
 *
 * @returns the first broken rule, in that order
 * @see NNRP/1-preview3 section 15.2
 */
export function checkHelloAck(hello: ClientHello, ack: ServerHelloAck): WireFault | undefined {
  const version = ack.selectedVersionMajor;
  if (version < hello.minVersionMajor || version > hello.maxVersionMajor) return brokenRule('HELLOACK-1');
  // The offer has 16 bits, so a larger wire format cannot have been offered; a shift would wrap.
  const format = ack.selectedWireFormat;
  if (format > 15 || (hello.supportedWireFormatBitmap & (1 << format)) === 0) return brokenRule('HELLOACK-2');
  if (exceeds(ack.acceptedProfileBitmap, hello.supportedProfileBitmap)) return brokenRule('HELLOACK-3');
  if (exceeds(ack.acceptedPayloadKindBitmap, hello.supportedPayloadKindBitmap)) return brokenRule('HELLOACK-4');
  if (exceeds(ack.acceptedCodecBitmap, hello.supportedCodecBitmap)) return brokenRule('HELLOACK-5');
  if (exceeds(ack.acceptedCompressionBitmap, hello.supportedCompressionBitmap)) return brokenRule('HELLOACK-6');
  if (exceeds(ack.acceptedDtypeBitmap, hello.supportedDtypeBitmap)) return brokenRule('HELLOACK-7');
  if (exceeds(ack.acceptedLayoutBitmap, hello.supportedLayoutBitmap)) return brokenRule('HELLOACK-8');
  if (exceeds(ack.cacheDigestBitmap, hello.cacheDigestBitmap)) return brokenRule('HELLOACK-9');
  if (exceeds(ack.cacheObjectBitmap, hello.cacheObjectBitmap)) return brokenRule('HELLOACK-10');
  return undefined;
}

function exceeds(accepted: number, offered: number): boolean {
  return (accepted & ~offered) !== 0;
}
