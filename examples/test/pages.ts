import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Every page below docs, by its path from the root. */
export function docsPages(): string[] {
  const found = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  return found
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
    .sort();
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** A block of code in a page. */
export interface Snippet {
  /** Of the page, from the root. */
  readonly page: string;
  /** From 1, among the js and ts blocks of the page. */
  readonly number: number;
  readonly language: 'js' | 'ts';
  readonly code: string;
  /** What a text block right behind it says that the program prints; undefined without one. */
  readonly prints: string | undefined;
}

/** The js and ts blocks of a page. */
export function snippetsOf(page: string): Snippet[] {
  const found = [...readPage(page).matchAll(/```(js|ts)\n(.*?)```(?:\n\n```text\n(.*?)```)?/gs)];
  return found.map(([, language, code = '', prints], index) => ({
    page,
    number: index + 1,
    language: language as 'js' | 'ts',
    code,
    prints,
  }));
}
