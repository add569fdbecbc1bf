import { types } from 'node:util';
import { printable, shownValue, UsageError } from 'nnrp-core';
import { awaitHint, ignoreRejectionsWithin, isThenable } from './thenable.js';

const MAX_NAME_BYTES = 100;

/** What a caller gives: any of the fields, and undefined for those that are not meant. */
export type Given<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | undefined };

/** What was given, without those that are undefined. */
export type Kept<Options> = { readonly [Name in keyof Options]: Exclude<Options[Name], undefined> };

/** Options with all their defaults filled in. */
export type Complete<Options> = { readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

/**
 * The check of every bag of options: what a call would silently pass over is refused. `undefined` is the same as left out,
 * `null` is no value. Inherited fields count like one's own, except for those that stand on Object.prototype.
 *
 * @param what - for the message, such as `close options`
 * @param elsewhere - what the message adds about an unknown field that belongs somewhere else
 * @returns the bag itself, so nothing is copied
 * @throws UsageError unless it is an object whose every field is known, not null and no promise; nor is the object one, or
 * a Map or Set
 */
export function checkOptions<Options extends object>(
  what: string,
  options: Options,
  known: ReadonlySet<string>,
  elsewhere?: (name: string) => string,
): Options {
  checkNames(what, options, known, elsewhere);
  checkValues(what, options);
  return options;
}

/**
 * A copy that holds nothing but what is given and known: later changes of the bag change nothing, a getter is asked once,
 * and what stands on Object.prototype switches nothing on. A null is left to the check of the option.
 *
 * @throws UsageError unless it is an object whose every field is known and no promise; nor is the object one, or a Map or Set
 */
export function readOptions<Options extends object>(
  what: string,
  options: Options | undefined,
  known: ReadonlySet<string>,
): Kept<Options> {
  // Without a prototype, so that reading an option that is not given finds nothing either.
  const given: Record<string, unknown> = Object.create(null);
  if (options === undefined) return given as Kept<Options>;
  checkNames(what, options, known);
  for (const name of known) {
    if (!(name in options) || isPolluted(options, name)) continue;
    const value = (options as Record<string, unknown>)[name];
    if (typeof value === 'object' && isThenable(value)) throw promised(what, options, name);
    if (value !== undefined) given[name] = value;
  }
  return given as Kept<Options>;
}

/** The same where null is no value of any option. @throws UsageError as {@link checkOptions} does */
export function readValues<Options extends object>(
  what: string,
  options: Options | undefined,
  known: ReadonlySet<string>,
): Kept<Options> {
  const given = readOptions(what, options, known);
  checkValues(what, given);
  return given;
}

/** The same on top of defaults, whose fields are all that there are. @throws UsageError as {@link checkOptions} does */
export function withDefaults<Options extends object>(
  what: string,
  options: Given<Options> | undefined,
  defaults: Options,
): Options {
  return { ...defaults, ...readValues<Given<Options>>(what, options, new Set(Object.keys(defaults))) };
}

function checkNames(
  what: string,
  options: object,
  known: ReadonlySet<string>,
  elsewhere?: (name: string) => string,
): void {
  if (!isBag(options))
    throw usageError(options, `${what}: expected an object, got ${shownValue(options)}${awaitHint(options)}`);
  for (const name in options) {
    if (known.has(name) || isPolluted(options, name)) continue;
    const hint = elsewhere?.(name) ?? '';
    throw usageError(options, `${what}: there is no option '${printable(name, MAX_NAME_BYTES)}'${hint}`);
  }
}

/** A null, and what will be a value only later. */
function checkValues(what: string, options: object): void {
  for (const name in options) {
    const value: unknown = (options as Record<string, unknown>)[name];
    if (value === null) throw usageError(options, `${what}: ${name} takes a value, got null`);
    if (typeof value === 'object' && isThenable(value)) throw promised(what, options, name);
  }
}

/** Objects of a class are bags, too; not those that hold what they hold elsewhere than in fields. */
function isBag(options: object): boolean {
  if (typeof options !== 'object' || options === null) return false;
  // Nearly always.
  if (options.constructor === Object) return true;
  if (Array.isArray(options) || ArrayBuffer.isView(options) || types.isAnyArrayBuffer(options)) return false;
  return !(types.isMap(options) || types.isSet(options) || isThenable(options));
}

function promised(what: string, options: object, name: string): UsageError {
  return usageError(options, `${what}: ${name} takes a value, got a promise: did you forget await?`);
}

function usageError(options: unknown, text: string): UsageError {
  ignoreRejectionsWithin(options);
  return new UsageError(text);
}

function isPolluted(options: object, name: string): boolean {
  return name in Object.prototype && !Object.hasOwn(options, name);
}
