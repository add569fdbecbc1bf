import { type Attributes, context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  type IdGenerator,
  InMemorySpanExporter,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { instrumentNnrp, NnrpIdGenerator, type NnrpInstrumentation } from '../src/index.js';

interface TelemetryOptions {
  readonly idGenerator?: IdGenerator | undefined;
  readonly sampler?: Sampler | undefined;
}

/** The SDK with exporters in memory, and this package on top of it. */
export class Telemetry {
  readonly instrumentation: NnrpInstrumentation;
  readonly tracer;
  private readonly spans = new InMemorySpanExporter();
  private readonly metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  private readonly reader = new PeriodicExportingMetricReader({
    exporter: this.metrics,
    exportIntervalMillis: 2 ** 31 - 1,
  });
  private readonly meterProvider = new MeterProvider({ readers: [this.reader] });
  private readonly tracerProvider: BasicTracerProvider;

  constructor({ idGenerator = new NnrpIdGenerator(), sampler }: TelemetryOptions = {}) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    this.tracerProvider = new BasicTracerProvider({
      idGenerator,
      spanProcessors: [new SimpleSpanProcessor(this.spans)],
      ...(sampler && { sampler }),
    });
    this.tracer = this.tracerProvider.getTracer('test');
    const { tracerProvider, meterProvider } = this;
    this.instrumentation = instrumentNnrp({ tracerProvider, meterProvider });
  }

  get ended() {
    return this.spans.getFinishedSpans();
  }

  /** Runs work in a span of its own. */
  within<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    return this.tracer.startActiveSpan(name, async (span) => {
      try {
        return await work();
      } finally {
        span.end();
      }
    });
  }

  /** Runs work as another process would: in no span. */
  outside<Result>(work: () => Promise<Result>): Promise<Result> {
    return context.with(ROOT_CONTEXT, work);
  }

  /** The points of a metric as they are now. */
  async points(name: string): Promise<{ readonly attributes: Attributes; readonly value: unknown }[]> {
    this.metrics.reset();
    await this.reader.forceFlush();
    const all = this.metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    return all
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }): { readonly attributes: Attributes; readonly value: unknown }[] => [...dataPoints]);
  }

  /** The sum of a counter over the points with these attributes. */
  async sum(name: string, wanted: Attributes = {}): Promise<number> {
    const points = await this.points(name);
    const fitting = points.filter(({ attributes }) =>
      Object.entries(wanted).every(([key, value]) => attributes[key] === value),
    );
    return fitting.reduce((sum, { value }) => sum + (typeof value === 'number' ? value : countOf(value)), 0);
  }

  async end(): Promise<void> {
    this.instrumentation.disable();
    await Promise.all([this.meterProvider.shutdown(), this.tracerProvider.shutdown()]);
    context.disable();
    trace.disable();
  }
}

function countOf(histogram: unknown): number {
  return (histogram as { readonly count: number }).count;
}
