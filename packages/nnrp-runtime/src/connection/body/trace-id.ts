/** A trace id from its halves. They are kept as numbers: a bigint costs more than most packets need. */
export function traceIdOf(low: number, high: number): bigint {
  return low === 0 && high === 0 ? 0n : (BigInt(high) << 32n) | BigInt(low);
}
