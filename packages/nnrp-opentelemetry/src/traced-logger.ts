import { type Span, trace } from '@opentelemetry/api';
import { type Logger, UsageError } from 'nnrp-runtime';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * The same logger, whose lines have `trace_id`, `span_id` and `trace_flags` beside their facts: of the operation that they are about,
 * else of the span that is active.
 */
export function tracedLogger(logger: Logger, spanOf: (facts: Record<string, unknown>) => Span | undefined): Logger {
  if (LEVELS.some((level) => typeof logger?.[level] !== 'function'))
    throw new UsageError(`logger takes an object with the methods ${LEVELS.join(', ')}`);
  const methods = LEVELS.map((level) => [
    level,
    (facts: Record<string, unknown>, message: string) => {
      // As loggers of pino do, it may be called with a message alone.
      const given = typeof facts === 'object' && facts !== null;
      const span = ((given ? spanOf(facts) : undefined) ?? trace.getActiveSpan())?.spanContext();
      if (span === undefined) return logger[level](facts, message);
      const { traceId, spanId, traceFlags } = span;
      const ids = { trace_id: traceId, span_id: spanId, trace_flags: traceFlags };
      return given ? logger[level]({ ...facts, ...ids }, message) : logger[level](ids, facts ?? message);
    },
  ]);
  return Object.fromEntries(methods) as Logger;
}
