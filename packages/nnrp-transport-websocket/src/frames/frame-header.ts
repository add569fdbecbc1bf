/** What a frame carries. @see RFC 6455 section 11.8 */
export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

export const FIN = 0x80;
export const MASKED = 0x80;
export const MASK_BYTES = 4;
/** The longest header: with a length of eight bytes and a mask. */
export const MAX_HEADER_BYTES = 14;
/** The longest payload of a control frame. */
export const MAX_CONTROL_BYTES = 125;

/** In place of a length: it follows in two bytes. */
export const SHORT = 126;
const LONG = 127;
const SHORT_LIMIT = 65_536;
const UINT32 = 0x1_0000_0000;
const LONG_LIMIT = 2 ** 63;

/** Bytes of the header of a frame whose payload has so many. */
export function headerBytes(payloadBytes: number, isMasked: boolean): number {
  const length = payloadBytes < SHORT ? 2 : payloadBytes < SHORT_LIMIT ? 4 : 10;
  return isMasked ? length + MASK_BYTES : length;
}

/** Writes a header but for its mask, which has the last four bytes. @returns where the header ends */
export function writeHeader(
  target: Uint8Array,
  at: number,
  firstByte: number,
  payloadBytes: number,
  isMasked: boolean,
): number {
  const flag = isMasked ? MASKED : 0;
  target[at] = firstByte;
  if (payloadBytes < SHORT) target[at + 1] = flag | payloadBytes;
  else if (payloadBytes < SHORT_LIMIT) {
    target[at + 1] = flag | SHORT;
    target[at + 2] = payloadBytes >>> 8;
    target[at + 3] = payloadBytes & 0xff;
  } else {
    target[at + 1] = flag | LONG;
    writeUint32(target, at + 2, Math.floor(payloadBytes / UINT32));
    writeUint32(target, at + 6, payloadBytes % UINT32);
  }
  return at + headerBytes(payloadBytes, isMasked);
}

/** Bytes of a header whose second byte is this. */
export function headerBytesOf(secondByte: number): number {
  const length = secondByte & 0x7f;
  return 2 + (length === SHORT ? 2 : length === LONG ? 8 : 0) + (secondByte & MASKED ? MASK_BYTES : 0);
}

/** Bytes of the payload, as a whole header says; beyond what any packet has, it may be rounded. */
export function payloadBytesOf(header: Uint8Array): number {
  const length = (header[1] as number) & 0x7f;
  if (length < SHORT) return length;
  if (length === SHORT) return ((header[2] as number) << 8) | (header[3] as number);
  return readUint32(header, 2) * UINT32 + readUint32(header, 6);
}

/** Whether a header says its length in the one form that is allowed, the shortest. @see RFC 6455 section 5.2 */
export function isShortestForm(secondByte: number, payloadBytes: number): boolean {
  const length = secondByte & 0x7f;
  if (length < SHORT) return true;
  // The longest form has 63 bits.
  return length === SHORT ? payloadBytes >= SHORT : payloadBytes >= SHORT_LIMIT && payloadBytes < LONG_LIMIT;
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  for (let index = 0; index < 4; index++) target[at + index] = (value >>> (24 - 8 * index)) & 0xff;
}

function readUint32(source: Uint8Array, at: number): number {
  let value = 0;
  for (let index = 0; index < 4; index++) value = value * 256 + (source[at + index] as number);
  return value;
}
