import type { CaptureFault } from './capture-fault.js';

/** Values of the opcode of a frame. @see RFC 6455 section 11.8 */
export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

const NAMES: Readonly<Record<number, string>> = {
  [Opcode.Continuation]: 'continuation',
  [Opcode.Text]: 'text',
  [Opcode.Binary]: 'binary',
  [Opcode.Close]: 'close',
  [Opcode.Ping]: 'ping',
  [Opcode.Pong]: 'pong',
};
const FIN = 0x80;
const RESERVED_BITS = 0x70;
const MASKED = 0x80;
const MASK_BYTES = 4;
const SHORT = 126;
const LONG = 127;
const SHORT_LIMIT = 65_536;
const MAX_CONTROL_BYTES = 125;
const PACKET_START = [0x4e, 0x4e, 0x52, 0x50];

/** One frame of a capture. */
export interface Frame {
  /** Where it begins in the capture. */
  readonly at: number;
  readonly end: number;
  readonly isFinal: boolean;
  readonly opcode: number;
  readonly opcodeName: string;
  readonly mask: Uint8Array | undefined;
  /** As the header says. */
  readonly length: number;
  /** Without the mask. */
  readonly payload: Uint8Array;
  /** Where the payload begins in the capture. */
  readonly payloadAt: number;
}

/** A frame, as far as it is there, and what is wrong with it. After a fault nothing says where the next frame begins. */
export interface FrameReading {
  /** Undefined when not even its header is whole. */
  readonly frame: Frame | undefined;
  readonly fault: CaptureFault | undefined;
}

/** Whether the opcode is that of a control frame. */
export function isControl(opcode: number): boolean {
  return opcode >= Opcode.Close;
}

/**
 * Reads the frame that begins at a byte of the capture; its payload is not copied unless it is masked.
 * @param at - before the end of the capture
 */
export function readFrame(capture: Uint8Array, at: number): FrameReading {
  const left = capture.length - at;
  const second = capture[at + 1] ?? 0;
  const headerBytes = headerBytesOf(left < 2 ? 0 : second);
  if (left < headerBytes) {
    const expected = `${headerBytes} bytes of a frame header`;
    return { frame: undefined, fault: { kind: 'bad_frame', at, expected, actual: countOf(left) } };
  }
  const view = new DataView(capture.buffer, capture.byteOffset + at, headerBytes);
  const first = view.getUint8(0);
  const opcode = first & 0x0f;
  const isMasked = (second & MASKED) !== 0;
  const payloadAt = at + headerBytes;
  const mask = isMasked ? capture.subarray(payloadAt - MASK_BYTES, payloadAt) : undefined;
  const length = payloadLength(view);
  const end = Math.min(payloadAt + length, capture.length);
  const given = capture.subarray(payloadAt, end);
  const payload = mask === undefined ? given : given.map((byte, index) => byte ^ (mask[index & 3] as number));
  const frame = {
    ...{ at, end, isFinal: (first & FIN) !== 0, opcode, opcodeName: NAMES[opcode] ?? 'reserved' },
    ...{ mask, length, payload, payloadAt },
  };
  return { frame, fault: faultOf(frame, first, second) };
}

/** Whether the first bytes are likely to be those of a frame, rather than of anything else that is no packet. */
export function beginsLikeFrame(capture: Uint8Array): boolean {
  const [first = 0, second] = capture;
  if (second === undefined) return false;
  const opcode = first & 0x0f;
  if ((first & FIN) !== 0) {
    // With the first reserved bit it is compressed, which is worth saying.
    const bits = first & RESERVED_BITS;
    return NAMES[opcode] !== undefined && (bits === 0 || (bits === 0x40 && !isControl(opcode)));
  }
  if (first !== Opcode.Binary) return false;
  const { payload } = readFrame(capture, 0).frame ?? { payload: new Uint8Array(0) };
  return payload.length > 0 && PACKET_START.every((byte, index) => index >= payload.length || payload[index] === byte);
}

function headerBytesOf(second: number): number {
  const length = second & 0x7f;
  return 2 + (length === SHORT ? 2 : length === LONG ? 8 : 0) + (second & MASKED ? MASK_BYTES : 0);
}

/** Beyond what numbers hold it may be rounded. */
function payloadLength(header: DataView): number {
  const length = header.getUint8(1) & 0x7f;
  if (length < SHORT) return length;
  return length === SHORT ? header.getUint16(2) : Number(header.getBigUint64(2));
}

function faultOf(frame: Frame, first: number, second: number): CaptureFault | undefined {
  const { at, isFinal, opcode, opcodeName, length, payload, payloadAt } = frame;
  const wrong = (offset: number, expected: string, actual: string): CaptureFault => {
    return { kind: 'bad_frame', at: at + offset, expected, actual };
  };
  if ((first & RESERVED_BITS) !== 0) {
    const compressed = (first & RESERVED_BITS) === 0x40 ? ', as a compressed message has it' : '';
    return wrong(0, 'no reserved bit, as no extension is agreed on', `first byte ${hexByte(first)}${compressed}`);
  }
  if (opcodeName === 'reserved') return wrong(0, 'opcode 0, 1, 2, 8, 9 or 10', `opcode ${opcode}`);
  if (isControl(opcode) && !isFinal) return wrong(0, `FIN, as a ${opcodeName} frame is never fragmented`, 'none');
  if (isControl(opcode) && length > MAX_CONTROL_BYTES)
    return wrong(1, `at most ${MAX_CONTROL_BYTES} bytes in a ${opcodeName} frame`, countOf(length));
  const written = second & 0x7f;
  if ((written === SHORT && length < SHORT) || (written === LONG && length < SHORT_LIMIT))
    return wrong(1, 'the shortest form of the length', `${written === SHORT ? 2 : 8} bytes for ${length}`);
  if (length >= 2 ** 63) return wrong(2, 'a length below 2^63', 'its highest bit set');
  if (payload.length < length) return wrong(payloadAt - at, `${countOf(length)} of payload`, countOf(payload.length));
  return undefined;
}

function countOf(bytes: number): string {
  return `${bytes} byte${bytes === 1 ? '' : 's'}`;
}

function hexByte(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
