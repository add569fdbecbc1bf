import { isDeepStrictEqual } from 'node:util';
import { answerLine } from 'nnrp-cli';
import type { NamedVector } from './named-vector.js';
import { expectedOfOpen, runOpen } from './open-decisions.js';
import type { AnsweredVector, Preview4Vectors } from './vector-file.js';

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

/** The sections that `nnrp decode --batch --revision preview4` answers, and which members of a vector are its answer. */
const ANSWERS = {
  builders: ['metadata_hex', 'body_hex'],
  scripts: ['results'],
  selection: ['result'],
  endpoints: ['fields'],
} as const;

/** The vectors of all sections, in the order of the file. */
export function casesOf(vectors: Preview4Vectors): VectorCase[] {
  return [
    ...answered(vectors, 'builders'),
    ...answered(vectors, 'scripts'),
    ...vectors.session_open_decisions.map((vector) =>
      caseOf('session_open_decisions', vector, expectedOfOpen(vector), () => runOpen(vector)),
    ),
    ...answered(vectors, 'selection'),
    ...answered(vectors, 'endpoints'),
  ];
}

function answered(vectors: Preview4Vectors, section: keyof typeof ANSWERS): VectorCase[] {
  return vectors[section].map((vector) =>
    caseOf(section, vector, answerIn(vector, ANSWERS[section]), () => ask(vector)),
  );
}

/** What the vector says: its error, or the members of its answer. */
function answerIn(vector: AnsweredVector, members: readonly string[]): object {
  const { expect_error: fault, error = fault } = vector;
  if (error !== undefined) return { error };
  return Object.fromEntries(members.map((member) => [member, vector[member]]));
}

/** What a line of the command's input is answered. */
function ask(vector: AnsweredVector): unknown {
  const defaults = { op: 'decode', names: false, revision: 'preview4' } as const;
  const { id: _, ...answer } = JSON.parse(answerLine(JSON.stringify(vector), defaults)) as Record<string, unknown>;
  return answer;
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
