/** What one probe of a route has measured. */
export interface ProbeSample {
  /** No answer has come, or not in time. The other members then mean nothing. */
  readonly failed?: boolean | undefined;
  /** Microseconds from the first byte sent to the last one received. */
  readonly elapsedUs: number;
  /** Microseconds to the answer. */
  readonly roundTripUs?: number | undefined;
  readonly bytesSent?: number | undefined;
  readonly bytesReceived?: number | undefined;
}

/** What the samples of a route say together. */
export interface RouteScore {
  readonly successes: number;
  /** Bytes per second, whole; the median. */
  readonly throughput: bigint;
  /** Microseconds; the median. */
  readonly roundTripUs: bigint;
}

/** The score of a route, or why it has none. */
export function scoreOf(samples: readonly ProbeSample[]): RouteScore | 'probe-missing' | 'probe-failed' {
  if (samples.length === 0) return 'probe-missing';
  const good = samples.filter(({ failed, roundTripUs }) => failed !== true && roundTripUs !== undefined);
  if (good.length === 0) return 'probe-failed';
  return {
    successes: good.length,
    throughput: median(good.map(throughput)),
    roundTripUs: median(good.map(({ roundTripUs = 0 }) => BigInt(Math.trunc(roundTripUs)))),
  };
}

/** As a comparison for sorting: below 0 when the first is to be taken before the second. */
export function compareScores(one: RouteScore, other: RouteScore): number {
  if (one.successes !== other.successes) return other.successes - one.successes;
  if (one.throughput !== other.throughput) return one.throughput > other.throughput ? -1 : 1;
  if (one.roundTripUs !== other.roundTripUs) return one.roundTripUs < other.roundTripUs ? -1 : 1;
  return 0;
}

/** Whole bytes per second, as 64 bits hold them. */
function throughput({ bytesSent = 0, bytesReceived = 0, elapsedUs }: ProbeSample): bigint {
  const elapsed = BigInt(Math.max(0, Math.trunc(elapsedUs)));
  if (elapsed === 0n) return 0n;
  return ((BigInt(Math.trunc(bytesSent)) + BigInt(Math.trunc(bytesReceived))) * 1_000_000n) / elapsed;
}

/** Of an even number: the lower of the middle two and half of what is between them, rounded down. */
function median(values: bigint[]): bigint {
  values.sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  const upper = values[values.length >> 1] ?? 0n;
  if (values.length % 2 === 1) return upper;
  const lower = values[(values.length >> 1) - 1] ?? 0n;
  return lower + (upper - lower) / 2n;
}
