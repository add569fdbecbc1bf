import type { Writable } from 'node:stream';
import { printable } from 'nnrp-core';

/** Most bytes of one line for people. */
const MAX_LINE_BYTES = 4096;

/**
 * Writes one line for people. What a peer, a file or the command line has put into it moves no cursor, hides nothing, and
 * makes no line of its own.
 */
export function writeLine(stream: Writable, line: string): void {
  stream.write(`${printable(line, MAX_LINE_BYTES)}\n`);
}

/** The same for a text of several lines that are meant as such. */
export function printableLines(text: string): string {
  const lines = text.split('\n').map((line) => printable(line, MAX_LINE_BYTES));
  return lines.join('\n');
}

/** What an error says of itself; anything may be thrown, also what cannot be turned into text. */
export function errorText(error: unknown): string {
  try {
    const isError = typeof error === 'object' && error !== null && 'message' in error;
    return String(isError ? error.message : error);
  } catch {
    return 'something was thrown that cannot be shown as text';
  }
}

/** Of these packages, of others, and of Node.js itself: not where the application stands. */
const NOT_OURS =
  /\/node_modules\/|\/nnrp-(?:admin|cli|core|openai|opentelemetry|runtime|transport-\w+)\/(?:dist|src|bin)\/|^node:/;

/** The text of what an application has thrown, and the line of the application's own code where it did. */
export function errorWithPlace(error: unknown): string {
  const text = errorText(error);
  try {
    const { stack } = error as { readonly stack?: unknown };
    const places = String(stack).matchAll(/^ +at (?:.*\()?((?:file:\/\/)?\/?[^\s()]+:\d+):\d+\)?$/gm);
    for (const [, place = ''] of places) if (!NOT_OURS.test(place)) return `${text} (${place.replace(/\?[^:]*/, '')})`;
  } catch {
    // Nothing was thrown that has a stack.
  }
  return text;
}
