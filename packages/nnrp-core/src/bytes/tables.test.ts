import { describe, expect, it } from 'vitest';
import { ENUM_NAMES, FLAG_NAMES, STRUCTS } from '../generated/preview3/struct-table.js';
import { MESSAGES } from '../preview3.js';
import { frozenRows, lookupTable } from './tables.js';

const INHERITED = ['constructor', 'toString', 'hasOwnProperty', '__proto__'];

describe('a lookup table', () => {
  it('has its rows and nothing that it was not given', () => {
    const table = lookupTable({ a: 1, b: 2 });
    expect(Object.entries(table)).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    for (const name of INHERITED) expect(table[name], name).toBeUndefined();
  });

  it('cannot be changed', () => {
    const table = lookupTable<number>({ a: 1 }) as Record<string, number>;
    expect(() => {
      table['b'] = 2;
    }).toThrow(TypeError);
  });
});

describe('frozen rows', () => {
  it('freeze the rows and the list', () => {
    const rows = frozenRows([{ a: 1 }, { a: 2 }]);
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect([rows, ...rows].every(Object.isFrozen)).toBe(true);
  });
});

describe('the generated tables', () => {
  it('find no structure, enum or flag under the name of an inherited property', () => {
    const inner = [...Object.values(ENUM_NAMES), ...Object.values(FLAG_NAMES)] as Readonly<Record<string, string>>[];
    for (const table of [STRUCTS, ENUM_NAMES, FLAG_NAMES, ...inner]) {
      for (const name of INHERITED) expect(table[name], name).toBeUndefined();
    }
  });

  it('cannot be changed, nor their rows', () => {
    const structs = Object.values(STRUCTS);
    const fields = structs.map((struct) => struct.fields);
    const names = [...Object.values(ENUM_NAMES), ...Object.values(FLAG_NAMES)];
    const tables = [MESSAGES, ...MESSAGES, STRUCTS, ...structs, ...fields, ...fields.flat(), ENUM_NAMES, ...names];
    expect(tables.filter((table) => !Object.isFrozen(table))).toEqual([]);
  });
});
