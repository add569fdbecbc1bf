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

/** A list whose rows nobody can change: freezes every row and the list itself, and returns that list. */
export function frozenRows<T extends object>(rows: readonly T[]): readonly T[] {
  for (const row of rows) Object.freeze(row);
  return Object.freeze(rows);
}
