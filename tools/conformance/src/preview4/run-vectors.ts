import { isDeepStrictEqual } from 'node:util';
import { expectedOfBuilder, runBuilder } from './builders.js';
import type { NamedVector } from './named-vector.js';
import { expectedOfOpen, runOpen } from './open-decisions.js';
import { runEndpoint, runSelection } from './routes.js';
import { runScript } from './scripts.js';
import type { Preview4Vectors } from './vector-file.js';

/** What became of a vector: it holds, it does not, or it is of an earlier release whose rule is not ours. */
export interface VectorResult {
  readonly section: keyof Preview4Vectors;
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'other_release';
  /** With outcome `fail`: what was expected and what came, as JSON. */
  readonly message?: string;
}

/** A vector that can be run: what should come of it, and what does. */
export interface VectorCase {
  readonly section: keyof Preview4Vectors;
  readonly name: string;
  readonly isOurs: boolean;
  readonly expected: unknown;
  run(): unknown;
}

/** The vectors of all sections, in the order of the file. */
export function casesOf(vectors: Preview4Vectors): VectorCase[] {
  return [
    ...vectors.builders.map((vector) =>
      caseOf('builders', vector, expectedOfBuilder(vector), () => runBuilder(vector)),
    ),
    ...vectors.scripts.map((vector) => caseOf('scripts', vector, vector.results, () => runScript(vector))),
    ...vectors.session_open_decisions.map((vector) =>
      caseOf('session_open_decisions', vector, expectedOfOpen(vector), () => runOpen(vector)),
    ),
    ...vectors.selection.map((vector) => caseOf('selection', vector, vector.result, () => runSelection(vector))),
    ...vectors.endpoints.map((vector) =>
      caseOf('endpoints', vector, vector.error ?? vector.fields, () => runEndpoint(vector)),
    ),
  ];
}

/** Runs the vectors whose names begin as told, one after the other. */
export async function runVectors(vectors: Preview4Vectors, only = ''): Promise<VectorResult[]> {
  const results: VectorResult[] = [];
  for (const vector of casesOf(vectors)) if (vector.name.startsWith(only)) results.push(await resultOf(vector));
  return results;
}

async function resultOf({ section, name, isOurs, expected, run }: VectorCase): Promise<VectorResult> {
  if (!isOurs) return { section, name, outcome: 'other_release' };
  try {
    const got = await run();
    if (isDeepStrictEqual(got, expected)) return { section, name, outcome: 'pass' };
    return { section, name, outcome: 'fail', message: `expected ${shown(expected)}, got ${shown(got)}` };
  } catch (error) {
    return { section, name, outcome: 'fail', message: String(error) };
  }
}

function caseOf(
  section: keyof Preview4Vectors,
  { name, until }: NamedVector,
  expected: unknown,
  run: () => unknown,
): VectorCase {
  return { section, name, isOurs: until === undefined, expected, run };
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
