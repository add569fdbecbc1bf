import type { Revision, Samples } from './samples.js';
import { PREVIEW3 } from './samples-preview3.js';
import { PREVIEW4 } from './samples-preview4.js';

export const REVISIONS: readonly Revision[] = ['preview3', 'preview4'];

export function samplesOf(revision: Revision): Samples {
  return revision === 'preview4' ? PREVIEW4 : PREVIEW3;
}
