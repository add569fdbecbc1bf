import { parseHex } from '../json/hex.js';
import type { JsonObject } from '../json/json-object.js';
import { jsonType, RequestError } from '../json/request-error.js';

export const MAX_U8 = 0xff;
export const MAX_U16 = 0xffff;
export const MAX_U32 = 0xffff_ffff;
const MAX_U64 = 0xffff_ffff_ffff_ffffn;
/** More digits than any u64 has; longer texts are not worth parsing. */
const DECIMAL = /^\d{1,40}$/;

/**
 * Reads the members of a JSON object by name, each of the kind that is asked for. A fault names the member by its path, such as
 * `input.sections[1].role_id`.
 */
export class Members {
  /** As it came. */
  readonly json: JsonObject;
  private readonly read = new Set<string>();

  /** @param path - where the object stands; empty for the request itself @throws RequestError for what is no object */
  constructor(
    value: unknown,
    private readonly path: string,
  ) {
    if (jsonType(value) !== 'object') throw invalid(path, 'object', jsonType(value));
    this.json = value as JsonObject;
  }

  has(name: string): boolean {
    return this.member(name) !== undefined;
  }

  /** A whole number from 0. @param absent - what a missing member is; without it, a fault */
  number(name: string, max: number, absent?: number): number {
    return this.integer(name, 0, max, absent);
  }

  integer(name: string, min: number, max: number, absent?: number): number {
    const value = this.member(name) ?? absent ?? this.missing(name);
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw invalid(this.at(name), `whole number from ${min} to ${max}`, shown(value));
  }

  /** A u64: a decimal string, or a number that is exact. */
  u64(name: string): bigint {
    const value = this.member(name) ?? this.missing(name);
    const isExact = typeof value === 'number' ? Number.isSafeInteger(value) : isDecimal(value);
    const id = isExact ? BigInt(value as number | string) : -1n;
    if (id >= 0n && id <= MAX_U64) return id;
    throw invalid(this.at(name), 'decimal string from 0 to 18446744073709551615', shown(value));
  }

  text(name: string): string {
    const value = this.member(name) ?? this.missing(name);
    if (typeof value === 'string') return value;
    throw invalid(this.at(name), 'string', jsonType(value));
  }

  /** @param absent - what a missing member is */
  flag(name: string, absent: boolean): boolean {
    const value = this.member(name) ?? absent;
    if (typeof value === 'boolean') return value;
    throw invalid(this.at(name), 'boolean', jsonType(value));
  }

  oneOf<T extends string | number>(name: string, values: readonly T[], absent?: T): T {
    const value = this.member(name) ?? absent ?? this.missing(name);
    if (values.includes(value as T)) return value as T;
    throw invalid(this.at(name), values.join(', '), shown(value));
  }

  /** Bytes, written in hex. */
  bytes(name: string): Uint8Array {
    return hexAt(this.member(name) ?? this.missing(name), this.at(name));
  }

  /** An object, to be read by its members. */
  members(name: string): Members {
    return new Members(this.member(name) ?? this.missing(name), this.at(name));
  }

  /** Each item of a list. @param absent - what a missing list is; without it, a fault */
  list<T>(name: string, item: (value: unknown, path: string) => T, absent?: readonly T[]): T[] {
    const value = this.member(name);
    if (value === undefined && absent !== undefined) return [...absent];
    if (Array.isArray(value)) return value.map((each: unknown, index) => item(each, `${this.at(name)}[${index}]`));
    if (value === undefined) return this.missing(name);
    throw invalid(this.at(name), 'list', jsonType(value));
  }

  /** @throws RequestError unknown_field for a member that nothing has asked for */
  end(): void {
    const other = Object.keys(this.json).find((name) => !this.read.has(name));
    if (other !== undefined) throw new RequestError({ kind: 'unknown_field', field: this.at(other) });
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  /** Undefined for what is not there or null. */
  private member(name: string): unknown {
    this.read.add(name);
    return Object.hasOwn(this.json, name) ? (this.json[name] ?? undefined) : undefined;
  }

  private missing(name: string): never {
    throw new RequestError({ kind: 'missing_field', field: this.at(name) });
  }
}

/** An item of a list that is an object. */
export function membersAt<T>(read: (members: Members) => T): (value: unknown, path: string) => T {
  return (value, path) => {
    const members = new Members(value, path);
    const result = read(members);
    members.end();
    return result;
  };
}

/** An item of a list that is bytes in hex. */
export function hexAt(value: unknown, path: string): Uint8Array {
  if (typeof value !== 'string') throw invalid(path, 'hex string', jsonType(value));
  return parseHex(value);
}

/** An item of a list that is a whole number from 0. */
export function numberAt(max: number): (value: unknown, path: string) => number {
  return (value, path) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw invalid(path, `whole number from 0 to ${max}`, shown(value));
  };
}

export function invalid(field: string, expected: string, actual: string): RequestError {
  return new RequestError({ kind: 'invalid_field', field, expected, actual });
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? `'${value.slice(0, 40)}'` : jsonType(value);
}

/** An object of the request may have a `toString` that is no function: nothing is made text before it is known what it is. */
function isDecimal(value: unknown): boolean {
  return typeof value === 'string' && DECIMAL.test(value);
}
