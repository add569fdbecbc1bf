/**
 * How often a property is tried, and from which seed: the same inputs on every run, others with NNRP_SEED set to another
 * number. fast-check reports the smallest counterexample it finds.
 */
export function runs(numRuns: number): { readonly numRuns: number; readonly seed: number } {
  return { numRuns, seed: Number(process.env['NNRP_SEED'] ?? 20_260_101) };
}
