import type { Packet } from 'nnrp-core';
import { PEER_MESSAGES_MASK } from 'nnrp-core/preview3';

/** ASCII NNRT, in the high half of the trace id of a CLIENT_HELLO or SERVER_HELLO_ACK of preview4. */
export const HELLO_TRACE_HIGH = 0x4e4e5254;
/** In the low half, beside bits of PeerMessages: its first half is this, so that a trace id by chance is none. */
const HELLO_TRACE_MARK = 0x7473_0000;

/**
 * The low half of the trace id by which peers of this library announce themselves over preview4, where a reference peer
 * refuses a hello with a body. Reference peers do not read it.
 * @param families - bits of PeerMessages
 */
export function helloTraceLow(families: number): number {
  return (HELLO_TRACE_MARK | families) >>> 0;
}

/** @returns bits of PeerMessages that the sender of a hello understands; undefined when it has not announced itself */
export function familiesOfHello({ traceLow, traceHigh }: Pick<Packet, 'traceLow' | 'traceHigh'>): number | undefined {
  if (traceHigh !== HELLO_TRACE_HIGH || (traceLow & 0xffff_0000) >>> 0 !== HELLO_TRACE_MARK) return undefined;
  return traceLow & 0xffff & PEER_MESSAGES_MASK;
}
