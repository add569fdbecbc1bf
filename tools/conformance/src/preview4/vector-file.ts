import { readFileSync } from 'node:fs';
import type { BuilderVector } from './builders.js';
import type { OpenDecision } from './open-decisions.js';
import type { EndpointVector, SelectionVector } from './routes.js';
import type { ScriptVector } from './scripts.js';

/** The sections that are run here. */
export interface Preview4Vectors {
  readonly builders: readonly BuilderVector[];
  readonly scripts: readonly ScriptVector[];
  readonly session_open_decisions: readonly OpenDecision[];
  readonly selection: readonly SelectionVector[];
  readonly endpoints: readonly EndpointVector[];
}

const GOLDEN = new URL('../../../../spec/preview4/vectors.json', import.meta.url);

/** Reads the golden vectors, or those of another file of the same form; a section may be missing. */
export function readPreview4Vectors(file: string | URL = GOLDEN): Preview4Vectors {
  const none = { builders: [], scripts: [], session_open_decisions: [], selection: [], endpoints: [] };
  return { ...none, ...(JSON.parse(readFileSync(file, 'utf8')) as Partial<Preview4Vectors>) };
}
