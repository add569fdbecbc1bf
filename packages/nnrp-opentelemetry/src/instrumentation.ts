import diagnostics from 'node:diagnostics_channel';
import { type Context, context, trace } from '@opentelemetry/api';
import { type DiagnosticsMessages, type Logger, type NnrpServer, type ServeHandlers, UsageError } from 'nnrp-runtime';
import { SeldomWarning, subscriber } from 'nnrp-runtime/transport';
import { type InstrumentationOptions, instrumentationOptions } from './instrumentation-options.js';
import { observedServer } from './observed-server.js';
import { OperationMetrics } from './operation-metrics.js';
import { OperationSpans } from './operation-spans.js';
import { RecentFrames } from './recent-frames.js';
import { tracedHandlers } from './traced-handlers.js';
import { tracedLogger } from './traced-logger.js';

const SCOPE = 'nnrp-opentelemetry';

/** Traces and measures all clients and servers of the process, until it is disabled. */
export interface NnrpInstrumentation {
  /** The same handlers, whose work on a submit runs where its span is the active one. @throws UsageError without a handler of submits */
  handlers(handlers: ServeHandlers | ServeHandlers['submit']): ServeHandlers;
  /**
   * The context of an operation, a server's or a client's, with its span: for code that takes submits by itself
   * (`context.with(instrumentation.contextOf(operation), work)`). The active one where there is no span.
   */
  contextOf(operation: object): Context;
  /** Measures what waits and runs on a server, too. @returns stops that @throws UsageError on what is no server */
  observe(server: NnrpServer): () => void;
  /** A logger for the option `logger`, or for the application, whose lines have the trace ids of what they are about. @throws UsageError on what is none */
  logger(logger: Logger): Logger;
  /** Stops tracing and measuring. Spans that have begun are not ended. */
  disable(): void;
}

/**
 * Traces and measures all NNRP clients and servers of the process by their channels (docs/observability.md).
 * @throws UsageError on an option that does not exist or fit
 */
export function instrumentNnrp(options: InstrumentationOptions = {}): NnrpInstrumentation {
  const { tracerProvider, meterProvider } = instrumentationOptions(options);
  const meter = meterProvider.getMeter(SCOPE);
  const spans = new OperationSpans(tracerProvider.getTracer(SCOPE));
  const metrics = new OperationMetrics(meter);
  const frames = new RecentFrames();
  const listeners: { [Name in keyof DiagnosticsMessages]?: (message: DiagnosticsMessages[Name]) => void } = {
    'nnrp:connection:open': (message) => metrics.connectionOpened(message),
    'nnrp:connection:end': (message) => metrics.connectionEnded(message),
    'nnrp:session:open': (message) => metrics.sessionOpened(message),
    'nnrp:session:end': (message) => metrics.sessionEnded(message),
    'nnrp:call:submit': (message) => spans.called(message),
    'nnrp:operation:submit': (message) => spans.submitted(message),
    'nnrp:operation:start': (message) => {
      const { role, sessionId, frameId, operation } = message;
      if (role === 'server') frames.add(sessionId, frameId, operation);
      spans.started(message);
      metrics.started(message);
    },
    'nnrp:operation:result': (message) => metrics.result(message),
    'nnrp:operation:end': (message) => {
      metrics.ended(message);
      spans.ended(message);
    },
    'nnrp:operation:refuse': (message) => metrics.refused(message),
    'nnrp:recovery:suspend': (message) => metrics.recovered('suspend', message),
    'nnrp:recovery:resume': (message) => metrics.recovered('resume', message),
    'nnrp:recovery:lose': (message) => metrics.recovered('lose', message),
  };
  const failed = new SeldomWarning();
  const text = 'nnrp-opentelemetry: the tracer or meter of the application has failed';
  const subscribed = Object.entries(listeners).map(([name, listen]): [string, (message: unknown) => void] => [
    name,
    subscriber(text, (message: never) => listen(message), failed),
  ]);
  for (const [name, listener] of subscribed) diagnostics.subscribe(name, listener);
  const observed = new Set<() => void>();
  return {
    handlers: (handlers) => tracedHandlers(handlers, (operation, work) => spans.within(operation, work)),
    contextOf: (operation) => spans.contextOf(operation) ?? context.active(),
    observe(server) {
      if (typeof server?.stats !== 'function')
        throw new UsageError(`observe: server takes an NnrpServer, got ${server === null ? 'null' : typeof server}`);
      const stop = observedServer(meter, server);
      observed.add(stop);
      return () => {
        if (observed.delete(stop)) stop();
      };
    },
    logger: (logger) =>
      tracedLogger(logger, ({ sessionId, frameId }) => {
        const operation = frames.find(sessionId, frameId);
        const own = operation && spans.contextOf(operation);
        return own && trace.getSpan(own);
      }),
    disable() {
      for (const [name, listener] of subscribed) diagnostics.unsubscribe(name, listener);
      for (const stop of observed) stop();
      observed.clear();
      metrics.disable();
    },
  };
}
