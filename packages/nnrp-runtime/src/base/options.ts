import { printable, shownValue, UsageError } from 'nnrp-core';
import { types } from '../platform/platform.js';
import { nameElsewhere, nearestName } from './nearest-name.js';
import { misfit, type OptionKind, type OptionTable } from './option-kinds.js';
import { awaitHint, ignoreRejectionsWithin, isThenable } from './thenable.js';

const MAX_NAME_BYTES = 100;

/** What a caller gives: any of the fields, and undefined for those that are not meant. */
export type Given<Fields> = { readonly [Name in keyof Fields]?: Fields[Name] | undefined };

/** What was given, without those that are undefined. */
export type Kept<Options> = { readonly [Name in keyof Options]: Exclude<Options[Name], undefined> };

/** Options with all their defaults filled in. */
export type Complete<Options> = { readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

/** The names that a bag may have: a set, or an OptionTable, which says of each what it takes. */
export interface KnownOptions {
  has(name: string): boolean;
  keys(): Iterable<string>;
  get?(name: string): OptionKind | undefined;
}

/**
 * The check of every bag of options: what a call would silently pass over is refused, and so is a value that an option does
 * not take. `undefined` is the same as left out, `null` is no value. Inherited fields count like one's own, except for those that stand on Object.prototype.
 *
 * @param what - for the message, such as `close options`
 * @param elsewhere - what the message adds about an unknown field that belongs somewhere else
 * @returns the bag itself, so nothing is copied
 * @throws UsageError unless it is an object whose every field is known, has a value that fits and is not null and no promise;
 * nor is the object one, or a Map or Set
 */
export function checkOptions<Options extends object>(
  what: string,
  options: Options,
  known: KnownOptions,
  elsewhere?: (name: string) => string,
): Options {
  checkNames(what, options, known, elsewhere);
  checkValues(what, options);
  if (known.get !== undefined) checkFits(what, options, known);
  return options;
}

/** The same, where some options have no default. @throws UsageError as {@link checkOptions} does, and when one is left out */
export function checkNeeded<Options extends object>(
  what: string,
  options: Options,
  table: OptionTable,
  needed: readonly string[],
): Options {
  checkOptions(what, options, table);
  for (const name of needed) {
    const value: unknown = (options as Record<string, unknown>)[name];
    if (value === undefined) checkFit(what, options, name, value, table);
  }
  return options;
}

/**
 * A copy that holds nothing but what is given and known: later changes of the bag change nothing, a getter is asked once,
 * and what stands on Object.prototype switches nothing on. A null is left to the check of the option.
 *
 * @throws UsageError unless it is an object whose every field is known, has a value that fits and is no promise; nor is the
 * object one, or a Map or Set
 */
export function readOptions<Options extends object>(
  what: string,
  options: Options | undefined,
  known: KnownOptions,
  elsewhere?: (name: string) => string,
): Kept<Options> {
  // Without a prototype, so that reading an option that is not given finds nothing either.
  const given: Record<string, unknown> = Object.create(null);
  if (options === undefined) return given as Kept<Options>;
  checkNames(what, options, known, elsewhere);
  for (const name of known.keys()) {
    if (!(name in options) || isPolluted(options, name)) continue;
    const value = (options as Record<string, unknown>)[name];
    if (typeof value === 'object' && isThenable(value)) throw promised(what, options, name);
    if (value === undefined) continue;
    if (value !== null) checkFit(what, options, name, value, known);
    given[name] = value;
  }
  return given as Kept<Options>;
}

/** The same where null is no value of any option. @throws UsageError as {@link checkOptions} does */
export function readValues<Options extends object>(
  what: string,
  options: Options | undefined,
  known: KnownOptions,
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
  known: KnownOptions = new Set(Object.keys(defaults)),
): Options {
  return { ...defaults, ...readValues<Given<Options>>(what, options, known) };
}

/**
 * The same for an argument that stands by itself: `sendError: errorCode takes an integer of 0 to 4294967295, got -1`.
 * @throws UsageError when the value does not fit
 */
export function checkArgument(call: string, name: string, value: unknown, kind: OptionKind): void {
  if (!kind.fits(value)) throw usageError(value, `${call}: ${misfit(name, kind, value)}${awaitHint(value)}`);
}

function checkNames(what: string, options: object, known: KnownOptions, elsewhere?: (name: string) => string): void {
  if (!isBag(options))
    throw usageError(options, `${what}: expected an object, got ${shownValue(options)}${awaitHint(options)}`);
  for (const name in options) {
    if (known.has(name) || isPolluted(options, name)) continue;
    const refused = noBag(options, known) ?? unknownName('option', name, known.keys(), elsewhere?.(name));
    throw usageError(options, `${what}: ${refused}`);
  }
}

/** What the language calls the kind of a value, such as Map, or Object. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** What is said of an object of the platform, such as an AbortSignal, in the place of a bag; undefined for any other. */
function noBag(options: object, known: KnownOptions): string | undefined {
  const kind = tagOf(options);
  if (kind === 'Object') return undefined;
  const hint = kind === 'AbortSignal' && known.has('signal') ? ': write { signal }' : '';
  return `expected an object of options, got ${shownValue(options)}${hint}`;
}

/**
 * What is said of a name that does not exist.
 *
 * @param sort - what it would name
 * @param hint - in place of the name that it may stand for
 */
export function unknownName(sort: string, name: string, known: Iterable<string>, hint = ''): string {
  const names = [...known];
  const nearest =
    hint === '' ? (nearestName(name, names) ?? nameElsewhere(name.slice(0, MAX_NAME_BYTES), names)) : undefined;
  const guess = nearest === undefined ? hint : `; did you mean ${nearest}?`;
  const text = `there is no ${sort} '${printable(name, MAX_NAME_BYTES)}'${guess}`;
  return `${text}${text.endsWith('?') ? '' : ';'} ${sort}s are ${names.join(', ')}`;
}

function checkFits(what: string, options: object, known: KnownOptions): void {
  for (const name in options) {
    if (isPolluted(options, name)) continue;
    const value: unknown = (options as Record<string, unknown>)[name];
    if (value !== undefined) checkFit(what, options, name, value, known);
  }
}

function checkFit(what: string, options: object, name: string, value: unknown, known: KnownOptions): void {
  const kind = known.get?.(name);
  if (kind !== undefined && !kind.fits(value)) throw usageError(options, `${what}: ${misfit(name, kind, value)}`);
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
export function isBag(options: unknown): options is object {
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

/** What is inherited from a bag counts, whatever its name is: `listen` makes a bag of the one that it is given. */
function isPolluted(options: object, name: string): boolean {
  if (!(name in Object.prototype) || Object.hasOwn(options, name)) return false;
  const stands = (object: object) => (object as Record<string, unknown>)[name];
  return stands(options) === stands(Object.prototype);
}
