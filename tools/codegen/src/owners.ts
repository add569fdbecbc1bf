import type { EnumLayout, Layout, StructLayout } from './layout.js';

/*
 * What is the same in two revisions is generated once, for the earlier one, and the later one exports it again: a program
 * that speaks both carries it once, and its types are the same types.
 */

/** The revision below whose folder the code of a structure lies. */
export function structOwner(layout: Layout, struct: StructLayout): string {
  const { base, revision } = layout;
  const below = base?.structs.find(({ id }) => id === struct.id);
  if (base === undefined || below === undefined || !isSameStruct(below, struct)) return revision;
  const isSame = struct.fields.every((field) => field.enum === undefined || isSameEnum(base, layout, field.enum));
  return isSame ? structOwner(base, below) : revision;
}

/** The revision below whose folder the code of an enumeration or a flag set lies. */
export function enumOwner(layout: Layout, id: string): string {
  const { base, revision } = layout;
  return base !== undefined && isSameEnum(base, layout, id) ? enumOwner(base, id) : revision;
}

/** Whether two structures have the same bytes, checks and words. */
export function isSameStruct(one: StructLayout, other: StructLayout): boolean {
  return JSON.stringify({ ...one, from: undefined }) === JSON.stringify({ ...other, from: undefined });
}

/** Where a module of a revision imports one of another, or of its own, from. */
export function folderFrom(layout: Layout, owner: string): string {
  return owner === layout.revision ? '.' : `../${owner}`;
}

function isSameEnum(base: Layout, layout: Layout, id: string): boolean {
  const [one, other] = [enumOf(base, id), enumOf(layout, id)];
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}

function enumOf({ enums, flagSets }: Layout, id: string): EnumLayout | undefined {
  return enums.find((entry) => entry.id === id) ?? flagSets.find((entry) => entry.id === id);
}
