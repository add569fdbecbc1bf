import { printable } from 'nnrp-core';
import { isObject } from 'nnrp-runtime/transport';
import type { Secrets } from './secrets.js';

const KNOWN: readonly string[] = ['message', 'type', 'param', 'code'];
/** Of their JSON; what is more, or deeper, is left out altogether. */
const MOST_CHARACTERS = 4096;
const MAX_DEPTH = 8;

/** The members of an error that OpenAI's interface does not name, cleaned as its texts are; none where they are too much. */
export function furtherMembers(error: Readonly<Record<string, unknown>>, secrets: Secrets): object {
  const entries = Object.entries(error).filter(([name]) => !KNOWN.includes(name));
  if (entries.length === 0 || JSON.stringify(entries).length > MOST_CHARACTERS) return {};
  const text = (given: string) => printable(secrets.hide(given), MOST_CHARACTERS);
  const clean = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth === MAX_DEPTH) return null;
    if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [text(name), clean(item, depth + 1)]));
  };
  const cleaned = clean(Object.fromEntries(entries), 0);
  return isObject(cleaned) ? cleaned : {};
}
