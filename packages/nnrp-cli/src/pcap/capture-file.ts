/** One frame of a capture. */
export interface CapturedFrame {
  /** As https://www.tcpdump.org/linktypes.html numbers them. */
  readonly linkType: number;
  readonly data: Buffer;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

/** The file is none, or breaks off; the message says where. */
class CaptureFileError extends Error {
  override readonly name = 'CaptureFileError';
}

export function isCaptureFileError(error: unknown): error is CaptureFileError {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'CaptureFileError';
}

const PCAP_MICROSECONDS = 0xa1b2c3d4;
const PCAP_NANOSECONDS = 0xa1b23c4d;
const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const RESOLUTION_OPTION = 9;
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** Whether bytes begin as a pcap or pcapng file does. */
export function isCaptureFile(start: Uint8Array): boolean {
  if (start.length < 4) return false;
  const view = new DataView(start.buffer, start.byteOffset, 4);
  const magics = [view.getUint32(0, true), view.getUint32(0, false)];
  return magics.some((magic) => [PCAP_MICROSECONDS, PCAP_NANOSECONDS, SECTION].includes(magic));
}

/** Reads numbers in the byte order of the file. */
class Numbers {
  constructor(readonly isLittle: boolean) {}

  u16(bytes: Buffer, at: number): number {
    return this.isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  u32(bytes: Buffer, at: number): number {
    return this.isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }
}

/** Bytes of a stream, as many as are asked for. */
class ByteSource {
  at = 0;
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly chunks: AsyncIterator<Buffer>) {}

  /** @returns undefined at the end. @throws CaptureFileError when it comes in between */
  async take(bytes: number, what: string): Promise<Buffer | undefined> {
    const parts = [this.rest];
    let length = this.rest.length;
    while (length < bytes) {
      const { done, value } = await this.chunks.next();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
    const all = parts.length === 1 ? this.rest : Buffer.concat(parts, length);
    if (length === 0) return undefined;
    if (length < bytes)
      throw new CaptureFileError(`byte ${this.at}: ${what} has ${bytes} bytes, the file has ${length} more`);
    this.rest = all.subarray(bytes);
    this.at += bytes;
    return all.subarray(0, bytes);
  }
}

/**
 * The frames of a pcap or pcapng file, as it is read.
 *
 * @throws (as a rejection) CaptureFileError on what is none, or breaks off
 */
export async function* capturedFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<CapturedFrame, void, void> {
  const source = new ByteSource(chunks[Symbol.asyncIterator]());
  const magic = await source.take(4, 'the file');
  if (magic === undefined) throw new CaptureFileError('byte 0: the file is empty');
  if (magic.readUInt32BE(0) === SECTION) yield* pcapngFrames(source);
  else yield* pcapFrames(source, magic);
}

async function* pcapFrames(source: ByteSource, magic: Buffer): AsyncGenerator<CapturedFrame, void, void> {
  const little = magic.readUInt32LE(0);
  const numbers = new Numbers(little === PCAP_MICROSECONDS || little === PCAP_NANOSECONDS);
  const kind = numbers.u32(magic, 0);
  if (kind !== PCAP_MICROSECONDS && kind !== PCAP_NANOSECONDS)
    throw new CaptureFileError('byte 0: the file begins neither as pcap nor as pcapng');
  const header = need(await source.take(20, 'the header of the file'), source);
  // The upper bits may say how long a checksum behind each frame is.
  const linkType = numbers.u32(header, 16) & 0x0fffffff;
  const perMs = kind === PCAP_NANOSECONDS ? 1e6 : 1e3;
  for (;;) {
    const record = await source.take(16, 'the header of a record');
    if (record === undefined) return;
    const length = checkLength(numbers.u32(record, 8), source);
    const data = length === 0 ? Buffer.alloc(0) : need(await source.take(length, 'a record'), source);
    yield { linkType, data, timeMs: numbers.u32(record, 0) * 1000 + numbers.u32(record, 4) / perMs };
  }
}

interface Interface {
  readonly linkType: number;
  /** Units of a second that times are in. */
  readonly unitsPerMs: number;
}

async function* pcapngFrames(source: ByteSource): AsyncGenerator<CapturedFrame, void, void> {
  let numbers = new Numbers(true);
  let interfaces: Interface[] = [];
  let isFirst = true;
  for (;;) {
    const type = isFirst ? Buffer.from([0x0a, 0x0d, 0x0d, 0x0a]) : await source.take(4, 'a block');
    isFirst = false;
    if (type === undefined) return;
    const lengthBytes = need(await source.take(4, 'a block'), source);
    const isSection = type.readUInt32BE(0) === SECTION;
    let before = 8;
    if (isSection) {
      const order = need(await source.take(4, 'the header of a section'), source);
      numbers = new Numbers(order.readUInt32LE(0) === BYTE_ORDER);
      if (numbers.u32(order, 0) !== BYTE_ORDER)
        throw new CaptureFileError(`byte ${source.at - 4}: no byte order mark of pcapng`);
      interfaces = [];
      before = 12;
    }
    const length = checkLength(numbers.u32(lengthBytes, 0), source);
    if (length < before + 4 || length % 4 !== 0)
      throw new CaptureFileError(`byte ${source.at}: a block cannot have ${length} bytes`);
    const body = need(await source.take(length - before, 'a block'), source);
    if (isSection) continue;
    const block = numbers.u32(type, 0);
    if (block === INTERFACE) interfaces.push(readInterface(body, numbers, source));
    else if (block === ENHANCED_PACKET || block === SIMPLE_PACKET)
      yield readFrame(block, body, numbers, interfaces, source);
  }
}

function readInterface(body: Buffer, numbers: Numbers, source: ByteSource): Interface {
  if (body.length < 12) throw new CaptureFileError(`byte ${source.at}: an interface is too short`);
  let unitsPerMs = 1e3;
  for (let at = 8; at + 4 <= body.length - 4; ) {
    const [code, length] = [numbers.u16(body, at), numbers.u16(body, at + 2)];
    if (code === 0) break;
    if (code === RESOLUTION_OPTION && length >= 1) {
      const resolution = body[at + 4] as number;
      const exponent = resolution & 0x7f;
      unitsPerMs = ((resolution & 0x80) === 0 ? 10 ** exponent : 2 ** exponent) / 1000;
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return { linkType: numbers.u16(body, 0), unitsPerMs };
}

function readFrame(
  block: number,
  body: Buffer,
  numbers: Numbers,
  interfaces: readonly Interface[],
  source: ByteSource,
): CapturedFrame {
  const isEnhanced = block === ENHANCED_PACKET;
  const start = isEnhanced ? 20 : 4;
  if (body.length < start + 4) throw new CaptureFileError(`byte ${source.at}: a packet block is too short`);
  const from = interfaces[isEnhanced ? numbers.u32(body, 0) : 0];
  if (from === undefined)
    throw new CaptureFileError(`byte ${source.at}: a packet of an interface that is not described`);
  const length = Math.min(numbers.u32(body, isEnhanced ? 12 : 0), body.length - start - 4);
  const units = isEnhanced ? numbers.u32(body, 4) * 2 ** 32 + numbers.u32(body, 8) : 0;
  return { linkType: from.linkType, data: body.subarray(start, start + length), timeMs: units / from.unitsPerMs };
}

function checkLength(length: number, source: ByteSource): number {
  if (length <= MAX_RECORD_BYTES) return length;
  throw new CaptureFileError(`byte ${source.at}: a record of ${length} bytes: at most ${MAX_RECORD_BYTES} are read`);
}

function need(bytes: Buffer | undefined, source: ByteSource): Buffer {
  if (bytes !== undefined) return bytes;
  throw new CaptureFileError(`byte ${source.at}: the file breaks off`);
}
