/*
 * Tables of generated code. Both freeze what they are given and hand it on; called with a pure annotation, so that a
 * bundle leaves out the tables it does not use.
 */

/**
 * A table that is looked up by names from outside: it has no prototype, so `constructor` and the like find nothing.
 *
 * @returns a frozen copy of the rows' mapping; the rows themselves are not copied
 */
export function lookupTable<T>(rows: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.freeze(Object.assign(Object.create(null) as Record<string, T>, rows));
}

/** Names of the wire by value; a value that has none gives undefined. */
export type NamesByValue = Readonly<Record<number, string | undefined>>;

/** {@link NamesByValue} that knows its values: `MessageTypeName[16]` is of the type 'frame_submit'. */
export type NameTable<T extends Readonly<Record<number, string>>> = T & NamesByValue;

/** A {@link lookupTable} of names. */
export function nameTable<const T extends Readonly<Record<number, string>>>(names: T): NameTable<T> {
  return lookupTable(names) as NameTable<T>;
}

/**
 * The names of the bits that are set, lowest first; a bit without a name is shown as its value in hex.
 *
 * @param names - of the flag set, such as PayloadKindFlagsName
 * @param bits - 32 bits
 */
export function flagNames(names: NamesByValue, bits: number): string[] {
  const set: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const mask = (1 << bit) >>> 0;
    if ((bits & mask) !== 0) set.push(names[mask] ?? `0x${mask.toString(16)}`);
  }
  return set;
}

/** Freezes every row and the list itself, and returns that list. */
export function frozenRows<T extends object>(rows: readonly T[]): readonly T[] {
  for (const row of rows) Object.freeze(row);
  return Object.freeze(rows);
}
