/** The first byte of each kind of value that a certificate is made of. */
export const DerTag = Object.freeze({
  Boolean: 0x01,
  Integer: 0x02,
  BitString: 0x03,
  OctetString: 0x04,
  ObjectId: 0x06,
  Utf8String: 0x0c,
  UtcTime: 0x17,
  GeneralizedTime: 0x18,
  Sequence: 0x30,
  Set: 0x31,
} as const);

/** One value: its tag, its length, and its content, which may be other values. */
export function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const bytes = content.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([Uint8Array.of(tag, ...lengthBytes(bytes)), ...content]);
}

/** Values in a row, as one value. */
export function derSequence(...content: readonly Uint8Array[]): Uint8Array {
  return der(DerTag.Sequence, ...content);
}

/** The name of an algorithm, an attribute or an extension. @param dotted - such as `2.5.29.17`, its first number below 3 */
export function derObjectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(DerTag.ObjectId, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/**
 * A point in time, to the second below, in the form that certificates demand: two digits of the year through 2049, four after.
 *
 * @see RFC 5280 section 4.1.2.5
 */
export function derTime(time: Date): Uint8Array {
  const digits = `${time.toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
  return time.getUTCFullYear() < 2050
    ? der(DerTag.UtcTime, Buffer.from(digits.slice(2)))
    : der(DerTag.GeneralizedTime, Buffer.from(digits));
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

/** Seven bits a byte, the highest first; all but the last byte are marked. */
function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
}
