import type { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';

/** Where numbers change their length, and where limits are. */
const EDGES = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  16,
  63,
  64,
  100,
  255,
  16_383,
  16_384,
  65_536,
  2 ** 20,
  2 ** 30 - 1,
  2 ** 30,
  2 ** 32,
];
const PING = 0x01;
/** Types that end a connection, or the sending of its one stream, when they come from a client in the wrong place. */
const ENDING = new Set([0x04, 0x05, 0x06, 0x07, 0x1c, 0x1d, 0x1e]);
const MAX_VARINT = 2n ** 62n - 1n;

export function varint(value: number | bigint): Buffer {
  const number = BigInt(value);
  if (number < 64n) return Buffer.from([Number(number)]);
  const [bytes, mark] = number < 16_384n ? [2, 1n] : number < 2n ** 30n ? [4, 2n] : [8, 3n];
  const encoded = Buffer.alloc(8);
  encoded.writeBigUInt64BE(number | (mark << BigInt(8 * bytes - 2)));
  return encoded.subarray(8 - bytes);
}

/** Frames of QUIC, of every type, most of them of a kind that a connection outlives. @see RFC 9000 section 19 */
export class Frames {
  constructor(private readonly dice: Dice) {}

  /** What is inside of one packet. */
  payload(): Buffer {
    const { dice } = this;
    const frames: Buffer[] = [];
    for (let count = 1 + dice.below(dice.percent(10) ? 40 : 4); count > 0; count--) frames.push(this.frame());
    const whole = Buffer.concat(frames);
    const payload = dice.percent(4) ? this.mutated(whole) : whole;
    // Header protection needs a sample.
    return payload.length < 4 ? Buffer.concat([payload, Buffer.alloc(4)]) : payload;
  }

  /** The same with some bytes changed, left out, repeated or put in. */
  mutated(bytes: Buffer): Buffer {
    const { dice } = this;
    let changed = Buffer.from(bytes);
    for (let changes = 1 + dice.below(4); changes > 0 && changed.length > 0; changes--) {
      const at = dice.below(changed.length);
      const length = dice.below(Math.min(40, changed.length - at) + 1);
      const [before, piece, after] = [changed.subarray(0, at), changed.subarray(at, at + length), changed.subarray(at)];
      const kind = dice.below(6);
      if (kind === 0) changed = Buffer.concat([before, after.subarray(length)]);
      else if (kind === 1) changed = Buffer.concat([before, piece, after]);
      else if (kind === 2) changed = Buffer.concat([before, dice.bytes(dice.below(20)), after]);
      else if (kind === 3) changed = Buffer.concat([before, varint(this.any()), after]);
      else if (kind === 4) changed = Buffer.from(changed.subarray(0, Math.max(1, at)));
      else changed[at] = (changed[at] as number) ^ (1 << dice.below(8));
    }
    return changed;
  }

  private any(): number | bigint {
    const { dice } = this;
    if (dice.percent(4)) return MAX_VARINT - BigInt(dice.below(3));
    if (dice.percent(10)) return 2n ** BigInt(dice.below(62));
    return EDGES[dice.below(EDGES.length)] as number;
  }

  private some(plausible: number): number | bigint {
    return this.dice.percent(98) ? this.dice.below(plausible) : this.any();
  }

  /** The one stream that both ends have, mostly. */
  private stream(): number | bigint {
    return this.dice.percent(99) ? 0 : this.any();
  }

  private data(max: number): Buffer {
    return Buffer.alloc(this.dice.below(max), this.dice.below(256));
  }

  private frame(): Buffer {
    const { dice } = this;
    const any = dice.percent(0.5) ? dice.below(0x4000) : dice.below(0x1f);
    // It is to live on mostly.
    const type = ENDING.has(any) && !dice.percent(4) ? PING : any;
    return Buffer.concat([varint(type), ...this.fields(type)]);
  }

  private fields(type: number): Buffer[] {
    const { dice } = this;
    const varints = (...values: (number | bigint)[]) => values.map(varint);
    switch (type) {
      case 0x00:
      case PING:
        return [];
      case 0x02:
      case 0x03:
        return this.acknowledgement(type === 0x03);
      case 0x04:
        return varints(this.stream(), this.any(), this.any());
      case 0x05:
        return varints(this.stream(), this.any());
      case 0x06: {
        const data = this.data(200);
        return [...varints(this.some(4000), data.length), data];
      }
      case 0x07: {
        const data = this.data(100);
        return [...varints(data.length), data];
      }
      case 0x10:
      case 0x12:
      case 0x13:
      case 0x14:
      case 0x16:
      case 0x17:
        return varints(this.some(100_000));
      case 0x11:
      case 0x15:
        return varints(this.stream(), this.some(1_000_000));
      case 0x18:
        return this.newId();
      case 0x19:
        return varints(this.some(3));
      case 0x1a:
      case 0x1b:
        return [dice.bytes(8)];
      case 0x1c:
        return [...varints(this.any(), dice.below(64), 5), Buffer.from('words')];
      case 0x1d:
        return [...varints(this.any(), this.some(6)), Buffer.from('words')];
      case 0x1e:
        return [];
      default:
        return type >= 0x08 && type <= 0x0f ? this.streamData(type) : [dice.bytes(dice.below(20))];
    }
  }

  private streamData(type: number): Buffer[] {
    const data = this.data(300);
    const parts = [varint(this.stream())];
    if ((type & 4) !== 0) parts.push(varint(this.some(20_000)));
    if ((type & 2) !== 0) parts.push(varint(this.dice.percent(99) ? data.length : this.any()));
    return [...parts, data];
  }

  private acknowledgement(withEcn: boolean): Buffer[] {
    const { dice } = this;
    const ranges = dice.percent(95) ? 0 : dice.below(60);
    const largest = this.some(3);
    const parts = [largest, this.some(1000), ranges, this.some(2)];
    for (let range = 0; range < ranges; range++) parts.push(this.some(2), this.some(2));
    if (withEcn) parts.push(this.some(5), this.some(5), this.some(5));
    return parts.map(varint);
  }

  private newId(): Buffer[] {
    const { dice } = this;
    const length = dice.percent(98) ? 16 : dice.below(256);
    return [
      varint(dice.percent(97) ? 1 + dice.below(5) : this.any()),
      varint(dice.percent(97) ? dice.below(2) : this.any()),
      Buffer.from([length]),
      dice.bytes(Math.min(length, 40)),
      dice.bytes(16),
    ];
  }
}
