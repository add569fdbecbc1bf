import { isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api';

/** Hexadecimal digits of 64 bits. */
const DIGITS = 16;
const NO_HALF = '0'.repeat(DIGITS);

/**
 * What a header carries of a trace: its low 64 bits, as systems with short trace ids have them. 0n is none: a trace that is not
 * sampled is not carried.
 */
export function foldedTraceId(span: SpanContext): bigint {
  if (!isSpanContextValid(span) || (span.traceFlags & TraceFlags.SAMPLED) === 0) return 0n;
  return BigInt(`0x${span.traceId.slice(DIGITS)}`);
}

/**
 * The context that a header stands for: the trace id padded with zeros on the left, as the W3C says of short ones, and as parent
 * the root of the trace, which has the same number where {@link NnrpIdGenerator} has made it. Undefined for 0n.
 */
export function unfoldedContext(traceId: bigint): SpanContext | undefined {
  if (traceId === 0n) return undefined;
  const half = traceId.toString(16).padStart(DIGITS, '0');
  return { traceId: `${NO_HALF}${half}`, spanId: half, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}
