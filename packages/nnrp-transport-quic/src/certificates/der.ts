/** The first byte of each kind of value a certificate is made of. */
export const DER_TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: its tag, its length, and its content, which may be other values. */
export function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const bytes = content.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([Uint8Array.of(tag, ...lengthBytes(bytes)), ...content]);
}

/** Values in a row, as one value. */
export function derSequence(...content: readonly Uint8Array[]): Uint8Array {
  return der(DER_TAGS.sequence, ...content);
}

/** The name of an algorithm, an attribute or an extension. @param dotted - such as `2.5.4.3`, with a first number of 0 or 1, or 2 and a small second one */
export function derObjectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(DER_TAGS.objectId, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/**
 * A point in time, to the second below, in the form certificates demand: two digits of the year through 2049, four after.
 *
 * @see RFC 5280 section 4.1.2.5
 */
export function derTime(time: Date): Uint8Array {
  const digits = `${time.toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
  return time.getUTCFullYear() < 2050
    ? der(DER_TAGS.utcTime, Buffer.from(digits.slice(2)))
    : der(DER_TAGS.generalizedTime, Buffer.from(digits));
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
