import { readFileSync } from 'node:fs';
import type { NamedVector } from './named-vector.js';
import type { OpenDecision } from './open-decisions.js';

/** One that the command answers as it stands: besides what it asks for it has the members of its answer. */
export type AnsweredVector = NamedVector & Readonly<Record<string, unknown>>;

/** The sections that are run here. */
export interface Preview4Vectors {
  readonly builders: readonly AnsweredVector[];
  readonly scripts: readonly AnsweredVector[];
  readonly session_open_decisions: readonly OpenDecision[];
  readonly selection: readonly AnsweredVector[];
  readonly endpoints: readonly AnsweredVector[];
}

const GOLDEN = new URL('../../../../spec/preview4/vectors.json', import.meta.url);

/** Reads the golden vectors, or those of another file of the same form; a section may be missing. */
export function readPreview4Vectors(file: string | URL = GOLDEN): Preview4Vectors {
  const none = { builders: [], scripts: [], session_open_decisions: [], selection: [], endpoints: [] };
  return { ...none, ...(JSON.parse(readFileSync(file, 'utf8')) as Partial<Preview4Vectors>) };
}
