import { TransportError, UsageError } from 'nnrp-core';
import { type Dialect, PREVIEW3_DIALECT } from '../revision/dialect.js';
import type { RevisionChoice } from '../revision/revision-name.js';
import type { Preview4Words } from './preview4-words.js';

// Half of all codecs are for preview4, which few pages speak. A server and the client of Node.js have them from the beginning;
// the client of other places loads them when it connects.

let words: Preview4Words | undefined;

/** Called by the module that has loaded them. */
export function usePreview4(loaded: Preview4Words): void {
  words = loaded;
}

/** @throws UsageError where it has not been loaded, as where only preview3 is spoken */
export function preview4Words(): Preview4Words {
  if (words === undefined) throw needsPreview4();
  return words;
}

/** Whether a client can speak it at once. */
export function hasPreview4(): boolean {
  return words !== undefined;
}

/**
 * Loads what preview4 needs, once for all clients. `connect` does so by itself where `revision` asks for it; before
 * `fromTransport` it is the application's to call, where Node.js is not. In Node.js everything is there from the beginning.
 * @throws TransportError (as a rejection) when its part of the program cannot be had, as where a page is away from its server
 */
export async function loadPreview4(): Promise<void> {
  if (words !== undefined) return;
  try {
    const { PREVIEW4_WORDS } = await import('./preview4-words.js');
    words = PREVIEW4_WORDS;
  } catch (cause) {
    throw new TransportError('the part of nnrp-runtime that speaks preview4 could not be loaded', { cause });
  }
}

/** What a call says that preview3 has no message for. */
export function needsPreview4(): UsageError {
  return new UsageError('this needs preview4; this session speaks preview3');
}

/** How a client speaks. @param isLenient - whether results of servers before 4.23 are taken */
export function dialectFor(revision: RevisionChoice, isLenient: boolean): Dialect {
  if (revision === 'preview3') return PREVIEW3_DIALECT;
  const { dialect, lenientDialect } = preview4Words();
  return isLenient ? lenientDialect : dialect;
}
