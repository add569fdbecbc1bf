import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';

/*
 * W3C Trace Context in the metadata of a call: all of a trace id, the span itself, whether it is sampled, and what vendors add.
 */

const PARENT = 'traceparent';
const STATE = 'tracestate';
const TRACEPARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:$|-)/;
const MAX_PARENT_LENGTH = 128;
const MAX_STATE_LENGTH = 512;
/** As many names as the metadata of a call may have. */
const MAX_NAMES = 64;

type Metadata = Readonly<Record<string, string>>;

/** The context that metadata stand for. They have come from elsewhere, so that they may be anything; undefined is none. */
export function contextOfMetadata(metadata: Metadata): SpanContext | undefined {
  const [given, state] = [metadata[PARENT], metadata[STATE]];
  if (typeof given !== 'string' || given.length > MAX_PARENT_LENGTH) return undefined;
  const [, traceId = '', spanId = '', flags = '0'] = TRACEPARENT.exec(given) ?? [];
  const found: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  if (!isSpanContextValid(found)) return undefined;
  if (typeof state !== 'string' || state === '' || state.length > MAX_STATE_LENGTH) return found;
  return { ...found, traceState: createTraceState(state) };
}

/** Puts a context into metadata. Where they are full already, they stay as they are. */
export function setContext(metadata: Record<string, string>, span: SpanContext): void {
  if (!isSpanContextValid(span) || Object.keys(metadata).length > MAX_NAMES - 2) return;
  const { traceId, spanId, traceFlags, traceState } = span;
  metadata[PARENT] = `00-${traceId}-${spanId}-${(traceFlags & 1).toString(16).padStart(2, '0')}`;
  const state = traceState?.serialize() ?? '';
  if (state === '') delete metadata[STATE];
  else metadata[STATE] = state.slice(0, MAX_STATE_LENGTH);
}
