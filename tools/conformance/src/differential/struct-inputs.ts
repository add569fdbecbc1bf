import type { Random } from './random.js';
import type { Schema, SchemaField } from './schema.js';

const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  0x0fn,
  0x10n,
  0x20n,
  0x40n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x1fffffffffffffn,
  0x20000000000001n,
  0x8000000000000000n,
  0xffffffffffffffffn,
];

/**
 * Makes inputs for one structure: mostly valid ones, and ones with a fault or a few. Uniformly random bytes would never
 * get past the first reserved field.
 */
export class StructInputs {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly sized: readonly SchemaField[];
  private readonly rules: readonly SchemaField[];

  constructor(
    readonly schema: Schema,
    private readonly random: Random,
  ) {
    this.bytes = new Uint8Array(schema.bytes);
    this.view = new DataView(this.bytes.buffer);
    this.sized = schema.fields.filter((field) => field.bytes > 0);
    this.rules = schema.fields.filter((field) => field.rule !== undefined);
  }

  /** Bytes made field by field. The array is reused by the next call. */
  fieldAware(): Uint8Array {
    const { random } = this;
    const mode = random.below(10);
    const broken = mode === 6 || mode === 7 ? random.pick(this.sized) : undefined;
    const noise = mode === 8 ? 25 : mode === 9 ? 100 : 0;
    for (const field of this.sized) {
      this.write(field, field === broken || random.chance(noise) ? this.edge(field) : this.valid(field));
    }
    for (const rule of this.rules) this.steer(rule);
    return this.bytes;
  }

  /** A copy of a valid message with one to three bits flipped. The array is reused by the next call. */
  bitFlips(message: Uint8Array): Uint8Array {
    this.bytes.set(message);
    for (let flips = 1 + this.random.below(3); flips > 0; flips--) {
      const bit = this.random.below(this.bytes.length * 8);
      this.bytes[bit >> 3] = (this.bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
    return this.bytes;
  }

  /** Any value that the field's width can hold, edges first. */
  edge(field: SchemaField): bigint {
    const value = this.random.chance(50) ? this.random.pick(EDGES) : this.random.u64();
    return BigInt.asUintN(field.bytes * 8, value);
  }

  private valid(field: SchemaField): bigint {
    if (field.contents !== undefined) {
      return BigInt(new DataView(field.contents.buffer, field.contents.byteOffset).getUint32(0, true));
    }
    if (field.equal !== undefined) return BigInt(field.equal);
    if (field.closed) return BigInt(this.random.pick(field.enumValues));
    if (field.mask !== undefined) return BigInt((this.random.u32() & field.mask) >>> 0);
    if (field.enumValues.length > 0 && this.random.chance(50)) return BigInt(this.random.pick(field.enumValues));
    return this.edge(field);
  }

  /** Moves the fields of a cross-field rule to where it decides: all zero, all but one, or near its numbers. */
  private steer(rule: SchemaField): void {
    const { random } = this;
    const fields = this.sized.filter((field) => rule.ruleFields.includes(field.id));
    const way = random.below(4);
    if (way === 0 || way === 1) {
      const kept = way === 1 ? random.pick(fields) : undefined;
      for (const field of fields) {
        if (field !== kept) this.write(field, 0n);
        else if (!field.closed && field.mask === undefined) this.write(field, BigInt(1 + random.below(255)));
      }
    } else if (way === 2) {
      for (const field of fields) {
        const near = random.pick([1, ...rule.ruleNumbers]) * (1 + random.below(2)) + random.below(3) - 1;
        this.write(field, BigInt(Math.max(0, near)));
      }
    }
  }

  private write({ offset, bytes }: SchemaField, value: bigint): void {
    writeField(this.view, offset, bytes, value);
  }
}

/** Writes the low `bytes` bytes of a value, least significant first. */
export function writeField(view: DataView, offset: number, bytes: number, value: bigint): void {
  if (bytes === 8) view.setBigUint64(offset, value, true);
  else if (bytes === 4) view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
  else if (bytes === 2) view.setUint16(offset, Number(BigInt.asUintN(16, value)), true);
  else view.setUint8(offset, Number(BigInt.asUintN(8, value)));
}
