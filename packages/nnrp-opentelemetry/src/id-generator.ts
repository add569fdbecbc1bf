import { randomBytes } from 'node:crypto';

const SPAN_BYTES = 8;
const NO_HALF = '0'.repeat(SPAN_BYTES * 2);

/**
 * Makes trace ids that the 64 bits of an NNRP header can carry whole: the first half zero, the second the number of the span that
 * begins the trace. Give it to the tracer provider of each process that begins traces (`idGenerator`): then client, server and
 * handler are one trace, and the server's span has the root of the trace as its parent.
 */
export class NnrpIdGenerator {
  private newest = '';

  readonly generateSpanId = (): string => {
    // Zero is no id.
    do this.newest = randomBytes(SPAN_BYTES).toString('hex');
    while (this.newest === NO_HALF);
    return this.newest;
  };

  /** An SDK makes the id of a span first, then that of the trace that it begins. */
  readonly generateTraceId = (): string => `${NO_HALF}${this.newest === '' ? this.generateSpanId() : this.newest}`;
}
