import { isDeepStrictEqual } from 'node:util';
import type { WireRule } from 'nnrp-core';
import { type CodecUnderTest, meaningsOf, type RuleMeaning, thrownFault, type Values } from './codec-under-test.js';
import type { OracleParser } from './kaitai-oracle.js';
import { type Placement, placements } from './placements.js';
import { Random } from './random.js';
import type { Schema, SchemaField } from './schema.js';
import { withoutStacks } from './stack-traces.js';
import { StructInputs } from './struct-inputs.js';
import { compareWrites } from './write-differential.js';

export interface DifferentialOptions {
  readonly schema: Schema;
  readonly codec: CodecUnderTest;
  readonly oracle: OracleParser;
  /** The structure's rules in fault order; index 0 is the length check. */
  readonly rules: readonly WireRule[];
  readonly seed: number;
  /** Inputs of full length; truncated ones come on top. */
  readonly inputs: number;
}

export interface DifferentialResult {
  readonly inputs: number;
  readonly accepted: number;
  /** How many inputs each rule refused. */
  readonly refusedBy: readonly number[];
  /** The first disagreement, with the input that shows it. */
  readonly mismatch: string | undefined;
}

const GUARD = 0xa5;

/** Runs one generated codec against the parser of the Kaitai compiler; stops at the first disagreement. */
export function runDifferential(options: DifferentialOptions): DifferentialResult {
  const run = new StructDifferential(options);
  const mismatch = withoutStacks(() => {
    let found: string | undefined;
    while (found === undefined && run.inputs < options.inputs) found = run.next();
    return found;
  });
  return { inputs: run.inputs, accepted: run.accepted, refusedBy: run.refusedBy, mismatch };
}

class StructDifferential {
  inputs = 0;
  accepted = 0;
  readonly refusedBy: number[];
  private readonly random: Random;
  private readonly source: StructInputs;
  private readonly meanings: readonly RuleMeaning[];
  private readonly values: readonly SchemaField[];
  private readonly places: readonly Placement[];
  private readonly lastAccepted: Uint8Array;

  constructor(private readonly options: DifferentialOptions) {
    const { schema, rules, seed } = options;
    this.random = new Random(seed);
    this.source = new StructInputs(schema, this.random);
    this.meanings = meaningsOf(schema, rules);
    this.refusedBy = rules.map(() => 0);
    this.values = schema.fields.filter((field) => field.isValue);
    this.places = placements(schema.bytes, GUARD);
    this.lastAccepted = new Uint8Array(schema.bytes);
  }

  /** One input, and now and then a truncated one. */
  next(): string | undefined {
    const flips = this.accepted > 0 && this.random.chance(35);
    const bytes = flips ? this.source.bitFlips(this.lastAccepted) : this.source.fieldAware();
    this.inputs++;
    return this.guarded(bytes, () => this.compare(bytes)) ?? (this.random.chance(8) ? this.compareCut() : undefined);
  }

  private guarded(bytes: Uint8Array, run: () => string | undefined): string | undefined {
    let problem: string | undefined;
    try {
      problem = run();
    } catch (error) {
      problem = `threw ${String(error)}`;
    }
    if (problem === undefined) return undefined;
    const { schema, seed } = this.options;
    const hex = Buffer.from(bytes).toString('hex');
    return `${schema.wireName}, seed ${seed}, input ${this.inputs} (${hex}): ${problem}`;
  }

  private compare(bytes: Uint8Array): string | undefined {
    const { codec, oracle } = this.options;
    const place = this.random.pick(this.places);
    place.target.set(bytes);
    const verdict = oracle.parse(bytes);
    const index = codec.check(place.view, place.start);
    if (!verdict.accepted) return this.compareRefusal(bytes, place, index);
    if (index !== -1) return `check refuses with rule ${index}, the oracle accepts`;
    this.accepted++;
    this.lastAccepted.set(bytes);
    const decoded = codec.decode(place.view, place.start);
    return (
      this.compareValues(decoded, verdict.fields) ??
      this.compareView(place, verdict.fields) ??
      this.compareRoundTrip(decoded, bytes) ??
      compareWrites(this.options, this.meanings, { ...decoded }, this.random, this.source)
    );
  }

  private compareRefusal(bytes: Uint8Array, place: Placement, index: number): string | undefined {
    const { codec, oracle, rules } = this.options;
    const broken = new Set(oracle.brokenChecks(bytes));
    const expected = 1 + this.meanings.findIndex(({ fields }) => fields.some((field) => broken.has(field)));
    if (expected === 0) return `the oracle refuses checks ${[...broken]}, which no rule stands for`;
    if (index !== expected) return `check answers ${index}, the first broken rule is ${expected}`;
    this.refusedBy[index] = (this.refusedBy[index] ?? 0) + 1;
    const meaning = this.meanings[index - 1]?.fault(new DataView(place.target.buffer, place.target.byteOffset));
    const fault = thrownFault(() => codec.decode(place.view, place.start));
    if (isDeepStrictEqual(fault, meaning)) return undefined;
    return `decode reports ${show(fault)}, expected ${show(meaning)} (${JSON.stringify(rules[index])})`;
  }

  private compareValues(decoded: Values, fields: Readonly<Record<string, unknown>>): string | undefined {
    const names = Object.keys(decoded);
    if (names.length !== this.values.length) return `decoded fields are ${names.join(', ')}`;
    for (const { property } of this.values) {
      if (decoded[property] === fields[property]) continue;
      return `decoded ${property} is ${decoded[property]}, the oracle reads ${fields[property]}`;
    }
    return undefined;
  }

  private compareView(place: Placement, fields: Readonly<Record<string, unknown>>): string | undefined {
    const { View } = this.options.codec;
    const fresh = new View(place.view, place.start) as unknown as Values;
    const moved = new View().at(place.view, place.start) as unknown as Values;
    for (const { property, bytes } of this.values) {
      const expected = fields[property];
      if (fresh[property] !== expected || moved[property] !== expected) {
        return `the view's ${property} is ${fresh[property]} and ${moved[property]}, the oracle reads ${expected}`;
      }
      if (bytes !== 8) continue;
      const whole = (BigInt(fresh[`${property}Hi`] ?? -1) << 32n) | BigInt(fresh[`${property}Lo`] ?? -1);
      if (whole !== expected) return `the halves of the view's ${property} make ${whole}, the oracle reads ${expected}`;
    }
    return undefined;
  }

  /** encode(decode(bytes)) gives the same bytes and touches no others. */
  private compareRoundTrip(decoded: Values, bytes: Uint8Array): string | undefined {
    const place = this.random.pick(this.places);
    place.all.fill(GUARD);
    const end = this.options.codec.encode(decoded, place.view, place.start);
    if (end !== place.start + bytes.length) return `encode returns ${end} for a start of ${place.start}`;
    if (Buffer.compare(place.target, bytes) !== 0) return `encoded again: ${Buffer.from(place.target).toString('hex')}`;
    place.target.fill(GUARD);
    return place.all.every((byte) => byte === GUARD) ? undefined : 'encode wrote outside the structure';
  }

  /** A message that was cut short, and a start outside the view: refused by everything, by the length check. */
  private compareCut(): string | undefined {
    const { codec, oracle, schema } = this.options;
    const length = this.random.below(schema.bytes);
    const bytes = this.lastAccepted.slice(0, length);
    return this.guarded(bytes, () => {
      if (oracle.parse(bytes).accepted) return 'the oracle accepts a truncated message';
      const start = this.random.below(3);
      const view = new DataView(new Uint8Array(start + length).buffer);
      new Uint8Array(view.buffer).set(bytes, start);
      this.refusedBy[0] = (this.refusedBy[0] ?? 0) + 1;
      const problem = compareOutside(this.options, view, start, length);
      return (
        problem ?? compareOutside(this.options, this.places[0]?.view ?? view, this.random.pick([-1, Number.NaN]), 0)
      );
    });

    function compareOutside(
      { schema: { bytes: expected } }: DifferentialOptions,
      view: DataView,
      start: number,
      actual: number,
    ): string | undefined {
      if (codec.check(view, start) !== 0) return `check answers ${codec.check(view, start)} with ${actual} bytes left`;
      const tooShort = { kind: 'source_too_short', expected, actual };
      const faults = {
        decode: thrownFault(() => codec.decode(view, start)),
        view: thrownFault(() => new codec.View(view, start)),
      };
      if (!isDeepStrictEqual(faults, { decode: tooShort, view: tooShort })) return `too short: ${show(faults)}`;
      const values = Object.fromEntries(
        schema.fields.map(({ property, bytes: size }) => [property, size === 8 ? 0n : 0]),
      );
      const fault = thrownFault(() => codec.encode(values, view, start));
      return isDeepStrictEqual(fault, { ...tooShort, kind: 'destination_too_short' })
        ? undefined
        : `encode without room reports ${show(fault)}`;
    }
  }
}

function show(value: unknown): string {
  return value instanceof Error ? String(value) : JSON.stringify(value);
}
