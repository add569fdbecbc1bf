import { shownPlain, shownWord } from 'nnrp-core';

/** What an option takes, and how a message says so. */
export interface OptionKind {
  /** Such as `an integer of 0 to 65535`. */
  readonly takes: string;
  fits(value: unknown): boolean;
  /** A wrong value, without anything that may be secret. */
  shown(value: unknown): string;
}

/** The options of a bag by name. One without a kind is checked where it is used. */
export type OptionTable = ReadonlyMap<string, OptionKind | undefined>;

/** To the compiler, it names every option of the bag, and no other. */
export function optionTable<Options extends object>(
  kinds: {
    readonly [Name in keyof Required<Options>]: OptionKind | undefined;
  },
): OptionTable {
  return new Map(Object.entries<OptionKind | undefined>(kinds));
}

/** A number without a fraction, both ends included. */
export function integer(least: number, most: number): OptionKind {
  const fits = (value: unknown) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return { takes: `an integer of ${least} to ${most}`, fits, shown: shownPlain };
}

export const U8 = integer(0, 0xff);
export const U16 = integer(0, 0xffff);
export const U32 = integer(0, 0xffffffff);

export const U64 = wide(64);
export const U128 = wide(128);

function wide(bits: number): OptionKind {
  return {
    takes: `a bigint of 0 to 2^${bits}-1`,
    fits: (value) => typeof value === 'bigint' && BigInt.asUintN(bits, value) === value,
    shown: shownPlain,
  };
}

export const TRUTH: OptionKind = {
  takes: 'true or false',
  fits: (value) => typeof value === 'boolean',
  shown: shownPlain,
};

/** One value of an enum of the wire; its names stand in the message. */
export function oneOf(name: string, values: Readonly<Record<string, number>>): OptionKind {
  const numbers: readonly unknown[] = Object.values(values);
  return {
    get takes() {
      return `a value of ${name} (${namesOf(values)})`;
    },
    fits: (value) => numbers.includes(value),
    shown: shownWord,
  };
}

/** Bits of a flag set of the wire, any of them together, or 0. */
export function bitsOf(name: string, flags: Readonly<Record<string, number>>): OptionKind {
  const mask = Object.values(flags).reduce((all, bit) => all | bit, 0);
  return {
    get takes() {
      return `bits of ${name} (${namesOf(flags)})`;
    },
    fits: (value) =>
      Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mask && (Number(value) & ~mask) === 0,
    shown: shownWord,
  };
}

/** What the message about a wrong value says: `profileId takes an integer of 0 to 65535, got 70000`. */
export function misfit(name: string, kind: OptionKind, value: unknown): string {
  return `${name} takes ${kind.takes}, got ${kind.shown(value)}`;
}

function namesOf(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
}
