/** From here on four bytes are masked at once: below, it costs more to prepare. */
const LONG = 512;

/** The mask as it lies over words, and the same as one of them. */
const turned = new Uint8Array(4);
const turnedWord = new Uint32Array(turned.buffer);

/**
 * Copies bytes and applies the mask of a frame on the way, which is also how it is taken off. The ranges may lie in the same
 * memory if the target does not lie behind the source.
 *
 * @param mask - four bytes
 * @param phase - bytes of the frame before these
 */
export function applyMask(
  source: Uint8Array,
  from: number,
  count: number,
  target: Uint8Array,
  to: number,
  mask: Uint8Array,
  phase: number,
): void {
  if (count >= LONG) {
    maskLong(source, from, count, target, to, mask, phase);
    return;
  }
  const first = mask[phase & 3] as number;
  const second = mask[(phase + 1) & 3] as number;
  const third = mask[(phase + 2) & 3] as number;
  const fourth = mask[(phase + 3) & 3] as number;
  const fours = count & ~3;
  let index = 0;
  for (; index < fours; index += 4) {
    target[to + index] = (source[from + index] as number) ^ first;
    target[to + index + 1] = (source[from + index + 1] as number) ^ second;
    target[to + index + 2] = (source[from + index + 2] as number) ^ third;
    target[to + index + 3] = (source[from + index + 3] as number) ^ fourth;
  }
  for (; index < count; index++) {
    target[to + index] = (source[from + index] as number) ^ (mask[(phase + index) & 3] as number);
  }
}

function maskLong(
  source: Uint8Array,
  from: number,
  count: number,
  target: Uint8Array,
  to: number,
  mask: Uint8Array,
  phase: number,
): void {
  if (source !== target || from !== to) {
    if (source === target) target.copyWithin(to, from, from + count);
    else target.set(count === source.length ? source : source.subarray(from, from + count), to);
  }
  const lead = -(target.byteOffset + to) & 3;
  const words = (count - lead) >>> 2;
  applyMask(target, to, lead, target, to, mask, phase);
  for (let index = 0; index < 4; index++) turned[index] = mask[(phase + lead + index) & 3] as number;
  const word = turnedWord[0] as number;
  const view = new Uint32Array(target.buffer, target.byteOffset + to + lead, words);
  for (let index = 0; index < words; index++) view[index] = (view[index] as number) ^ word;
  const done = lead + words * 4;
  applyMask(target, to + done, count - done, target, to + done, mask, phase + done);
}
