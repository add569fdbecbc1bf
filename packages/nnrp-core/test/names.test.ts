import { describe, expect, expectTypeOf, it } from 'vitest';
import * as enums from '../src/generated/preview3/enums.js';
import * as flags from '../src/generated/preview3/flags.js';
import * as names from '../src/generated/preview3/names.js';
import { ENUM_NAMES, FLAG_NAMES } from '../src/generated/preview3/struct-table.js';
import * as preview3 from '../src/preview3.js';

const { DescriptorFlagsName, ErrorCodeName, flagNames, MessageType, MessageTypeName, ResultFlags, ResultFlagsName } =
  preview3;

/** FrameSubmit -> frame_submit; Fp8E4m3 -> fp8_e4m3 */
const wireName = (key: string) => key.replace(/(?!^)[A-Z]/g, '_$&').toLowerCase();

const sets: [string, Record<string, number>][] = [...Object.entries(enums), ...Object.entries(flags)].flatMap(
  ([name, values]) => (typeof values === 'object' ? [[name, values as Record<string, number>]] : []),
);

describe('the names of values', () => {
  it('are there for every enum and every flag set, and for nothing else', () => {
    expect(sets.length).toBeGreaterThan(50);
    expect(Object.keys(names).sort()).toEqual(sets.map(([name]) => `${name}Name`).sort());
    for (const name of Object.keys(names)) expect(preview3).toHaveProperty(name);
  });

  it.each(sets)('of %s lead back to its values', (name, values) => {
    const table = (names as Record<string, Record<string, string>>)[`${name}Name`]!;
    expect(Object.keys(table)).toHaveLength(Object.keys(values).length);
    for (const [key, value] of Object.entries(values)) expect(table[value], key).toBe(wireName(key));
    expect(Object.isFrozen(table)).toBe(true);
    expect(table['constructor']).toBeUndefined();
  });

  it('are those that tools find by the name of the enum', () => {
    const tables = Object.values(names) as unknown[];
    expect([...Object.values(ENUM_NAMES), ...Object.values(FLAG_NAMES)]).toEqual(tables);
    expect(ENUM_NAMES['message_type']).toBe(MessageTypeName);
  });

  it('have types: a value of the enum has a name, another number may have none', () => {
    expectTypeOf(MessageTypeName[MessageType.Ping]).toEqualTypeOf<'ping'>();
    expectTypeOf(MessageTypeName[16]).toEqualTypeOf<'frame_submit'>();
    expectTypeOf(ErrorCodeName[1 as preview3.ErrorCode]).toEqualTypeOf<preview3.ErrorCodeName>();
    expectTypeOf(MessageTypeName[99 as number]).toEqualTypeOf<string | undefined>();
    expectTypeOf<'server_busy'>().toExtend<preview3.ErrorCodeName>();
    expectTypeOf<'frame_submit'>().not.toExtend<preview3.ErrorCodeName>();
  });

  it('of the bits of a flag set are listed, the lowest first', () => {
    expect(flagNames(ResultFlagsName, ResultFlags.Partial | ResultFlags.Stale)).toEqual(['stale', 'partial']);
    expect(flagNames(DescriptorFlagsName, 0)).toEqual([]);
    expect(flagNames(ResultFlagsName, 0x8000_0001)).toEqual(['stale', '0x80000000']);
  });
});
