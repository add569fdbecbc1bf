import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { UsageError } from 'nnrp-runtime';

/** Where spans and measurements go; what is left out, or undefined, has its default. */
export interface InstrumentationOptions {
  /** Makes the tracer; default the global provider. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Makes the meter; default the global provider. */
  readonly meterProvider?: MeterProvider | undefined;
}

/** With their defaults. */
export interface Providers {
  readonly tracerProvider: TracerProvider;
  readonly meterProvider: MeterProvider;
}

const NAMES: readonly string[] = ['tracerProvider', 'meterProvider'];

/** @throws UsageError on an option that does not exist or fit */
export function instrumentationOptions(given: InstrumentationOptions): Providers {
  if (typeof given !== 'object' || given === null)
    throw new UsageError(`instrumentNnrp: options take an object, got ${given === null ? 'null' : typeof given}`);
  for (const name in given) {
    if (!NAMES.includes(name))
      throw new UsageError(`instrumentNnrp: there is no such option; options are ${NAMES.join(', ')}`);
  }
  const { tracerProvider = trace.getTracerProvider(), meterProvider = metrics.getMeterProvider() } = given;
  if (typeof tracerProvider?.getTracer !== 'function')
    throw new UsageError('instrumentNnrp: tracerProvider takes an object with a method getTracer');
  if (typeof meterProvider?.getMeter !== 'function')
    throw new UsageError('instrumentNnrp: meterProvider takes an object with a method getMeter');
  return { tracerProvider, meterProvider };
}
