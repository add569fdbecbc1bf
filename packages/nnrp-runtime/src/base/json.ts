import { ignoreRejectionsWithin, jsonParts, MAX_JSON_DEPTH, MAX_JSON_PARTS, UsageError } from 'nnrp-core';
import { tagOf } from './options.js';
import { isThenable } from './thenable.js';

/** What each object, list and member takes, measured: 67 for an empty object with its place in a list, 66 for a member of a name of its own. */
export const PART_BYTES = 64;
const UTF8 = new TextDecoder();

/** The text of a value. @param what - for the message @throws UsageError when JSON cannot hold it, or it is nested too deeply to be read */
export function jsonText(value: unknown, what: string): string {
  let text: string | undefined;
  let lost: string | undefined;
  try {
    text = JSON.stringify(value);
    // The other end would say no more than that it is something else.
    const parts = jsonParts(text ?? '');
    if (typeof parts === 'string') lost = parts;
    else if (text?.includes('{}') || text?.includes('{"0":') || mayHide(value)) lost = lostWithin(value);
  } catch {
    // A bigint, a circle, or what throws when it is read. Its text may have a piece of the value in it, and errors are logged.
    text = undefined;
  }
  if (text === undefined) throw new UsageError(`${what} takes what JSON can hold, or bytes`);
  if (lost === 'deep')
    throw new UsageError(
      `${what} takes objects and lists that nest at most ${MAX_JSON_DEPTH} deep, its envelope counted`,
    );
  if (lost === 'large') throw new UsageError(`${what} takes at most ${MAX_JSON_PARTS} objects, lists and members`);
  if (lost === PROMISE) throw new UsageError(`${what} takes values, got a promise within it: did you forget await?`);
  if (lost !== undefined)
    throw new UsageError(
      `${what} takes what JSON can hold, or bytes alone, got an object of the kind ${lost} within it`,
    );
  return text;
}

const PROMISE = 'promise';

/**
 * What a refusal says of a value of which JSON keeps not all that it holds; undefined of one that it keeps. Promises within it,
 * which are empty objects to JSON, are marked as handled.
 *
 * @throws what JSON.stringify throws
 */
export function lossOf(value: unknown): string | undefined {
  const lost = lostWithin(value);
  if (lost === PROMISE) return 'values, got a promise within them: did you forget await?';
  return lost && `what JSON can hold, got an object of the kind ${lost} within it`;
}

/** Lists, objects of applications, whatever their class, and those that are to JSON the value in them. */
const KEPT = /^(?:Object|Array|Number|String|Boolean)$/;
/** What these hold are no members, whatever members they have been given. */
const HIDING = /^(?:Map|Set|Error)$/;
const MAX_KIND_LENGTH = 64;

/** Whether an object is within it, not deep, that may hold more than its members. Plain objects and lists are looked through alone. */
function mayHide(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // `for in` would make a text of each index.
  if (Array.isArray(value)) {
    for (const entry of value) if (typeof entry === 'object' && mayHide(entry)) return true;
    return false;
  }
  // Another value stands for it.
  if ('toJSON' in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && HIDING.test(tagOf(value))) return true;
  // What it inherits is no member of its JSON, may lead back to it, and may throw.
  for (const name of Object.keys(value)) {
    const part = (value as Record<string, unknown>)[name];
    if (typeof part === 'object' && mayHide(part)) return true;
  }
  return false;
}

/** An error whose message is a member of its own was made for JSON: it hides nothing. */
function hides(kind: string, part: object): boolean {
  const names = Object.keys(part);
  return names.length === 0 || (HIDING.test(kind) && !(kind === 'Error' && names.includes('message')));
}

/**
 * The kind of an object within the value of which JSON keeps not all that it holds (a Map, a Response, an Error),
 * or whose bytes it takes for members (a typed array); PROMISE where one is a promise: each is marked as handled.
 */
function lostWithin(value: unknown): string | undefined {
  let lost: string | undefined;
  JSON.stringify(value, (_name, part: unknown) => {
    if (isThenable(part)) {
      lost = PROMISE;
      ignoreRejectionsWithin(part, 0);
      return undefined;
    }
    if (typeof part !== 'object' || part === null) return part;
    const isBytes = ArrayBuffer.isView(part);
    const kind = tagOf(part);
    const isLost = isBytes || (!KEPT.test(kind) && hides(kind, part));
    if (isLost) lost ??= kind.slice(0, MAX_KIND_LENGTH);
    return isBytes ? undefined : part;
  });
  return lost;
}

/** What bytes or text say. @returns undefined when they are no JSON, nest deeper than 128, or have more than a million objects, lists and members */
export function parsedJson(given: Uint8Array | string): unknown {
  return readJson(given)?.value;
}

/** The same, and the bytes that its objects, lists and members take beside their text. */
export function readJson(
  given: Uint8Array | string,
): { readonly value: unknown; readonly partBytes: number } | undefined {
  try {
    const json = typeof given === 'string' ? given : UTF8.decode(given);
    const parts = jsonParts(json);
    if (typeof parts === 'string') return undefined;
    return { value: JSON.parse(json), partBytes: parts * PART_BYTES };
  } catch {
    return undefined;
  }
}

/** Whether it is a JSON object: no list, no null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member of its own: what stands on Object.prototype is none. */
export function member(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
