import { isDeepStrictEqual } from 'node:util';
import { type StructCodec, type StructField, WireError } from 'nnrp-core';
import type { Subject } from './subjects.js';

/*
 * Contestants that do not do the same work cannot be compared. Generated and hand-written code are given the same sample
 * bytes and values, among them ones to be refused, and have to come to the same results.
 */

export interface Agreement {
  /** Comparisons made. */
  readonly samples: number;
  /** One line each. */
  readonly disagreements: readonly string[];
}

const REFUSED = 'refused';
const GUARD = 0xaa;

/**
 * Compares the two codecs of a structure. Call it after measuring: what it feeds them would spoil the type feedback that
 * the optimising compiler has of them.
 */
export function agreement({ name, struct, bytes, check, decode, encode, read3, byHand, value }: Subject): Agreement {
  const disagreements: string[] = [];
  let samples = 0;
  const compare = (what: string, generated: () => unknown, handwritten: () => unknown) => {
    samples += 1;
    const [left, right] = [outcome(generated), outcome(handwritten)];
    if (!isDeepStrictEqual(left, right)) disagreements.push(`${name}: ${what}: ${show(left)}, by hand ${show(right)}`);
  };

  for (const [what, sample] of sampleValues(struct, value)) {
    compare(`encode ${what}`, written(encode, sample, bytes, 3), written(byHand.encode, sample, bytes, 3));
  }
  for (const start of [-1, 1, 0.5, Number.NaN]) {
    compare(
      `encode at ${start}`,
      written(encode, value, bytes, start, 0),
      written(byHand.encode, value, bytes, start, 0),
    );
  }
  for (const [what, view, start] of sampleBytes(name, value, bytes, encode)) {
    compare(
      `check ${what}`,
      () => check(view, start),
      () => byHand.check(view, start),
    );
    compare(
      `decode ${what}`,
      () => decode(view, start),
      () => byHand.decode(view, start),
    );
    compare(
      `3 fields of ${what}`,
      () => read3(view, start),
      () => byHand.read3(view, start),
    );
  }
  return { samples, disagreements };
}

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof WireError) return REFUSED;
    return String(error);
  }
}

/** What encode returns and leaves in the bytes, around the structure too; when it refuses, they have to be untouched. */
function written(encode: Subject['encode'], value: object, size: number, start: number, room = 8): () => unknown {
  return () => {
    const target = new Uint8Array(size + room).fill(GUARD);
    const end = outcome(() => encode(value as never, new DataView(target.buffer), start));
    return { end, target };
  };
}

/** The value and one with a tensor, and both with each field in turn at, beyond and off its edges. */
function* sampleValues(struct: StructCodec | undefined, value: object): Generator<[string, object]> {
  for (const base of bases(value)) {
    yield [show(base), base];
    for (const { property, type } of struct?.fields ?? []) {
      for (const sample of edges(type)) yield [`${property} = ${show(sample)}`, { ...base, [property]: sample }];
    }
  }
}

/** Valid bytes with every bit flipped in turn, every byte replaced, and cut off or pointed at beside their start. */
function* sampleBytes(
  name: string,
  value: object,
  size: number,
  encode: Subject['encode'],
): Generator<[string, DataView, number]> {
  for (const base of bases(value)) {
    const valid = new DataView(new ArrayBuffer(size));
    encode(base as never, valid, 0);
    for (const start of [0, -1, 1, 0.5, Number.NaN]) yield [`${name} at ${start}`, valid, start];
    for (let length = 0; length < size; length++) {
      yield [`${length} bytes`, new DataView(valid.buffer, 0, length), 0];
    }
    for (let at = 0; at < size; at++) {
      const old = valid.getUint8(at);
      const others = [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => old ^ (1 << bit));
      for (const byte of [...others, 0, 1, 2, 3, 4, 10, 11, 15, 16, 28, 29, 31, 32, 33, 34, 255]) {
        valid.setUint8(at, byte);
        yield [`byte ${at} = ${byte}`, valid, 0];
      }
      valid.setUint8(at, old);
    }
  }
}

function bases(value: object): object[] {
  return 'payloadKindBitmap' in value ? [value, { ...value, payloadKindBitmap: 1 }] : [value];
}

function edges(type: StructField['type']): unknown[] {
  if (type === 'u64') return [0n, 1n, 2n ** 64n - 1n, 2n ** 64n, -1n, 1, undefined, '1'];
  const beyond = 2 ** Number(type.slice(1));
  const small = Array.from({ length: 42 }, (_, index) => index);
  const bits = [6, 7, 8, 15, 16, 31].map((bit) => 2 ** bit);
  const unfit = [beyond, 2 ** 32, 2 ** 32 + 1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, undefined, null, '1'];
  return [...small, ...bits, beyond - 1, ...unfit];
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('hex');
    return typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner;
  });
  return text ?? String(value);
}
