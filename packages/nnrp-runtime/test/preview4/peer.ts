import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/*
 * The wire of NNRP/1-preview4 as its sheets have it: 40 bytes of header, metadata, body; all numbers little-endian.
 */

export const T = {
  hello: 0x01,
  helloAck: 0x02,
  patch: 0x03,
  close: 0x05,
  error: 0x06,
  open: 0x07,
  openAck: 0x08,
  sessionClose: 0x09,
  sessionCloseAck: 0x0a,
  submit: 0x10,
  frameCancel: 0x11,
  result: 0x12,
  drop: 0x13,
  cachePut: 0x14,
  cacheAck: 0x15,
  cacheInvalidate: 0x16,
  flow: 0x17,
  probe: 0x19,
  probeAck: 0x1a,
  ping: 0x20,
  pong: 0x21,
  cancel: 0x30,
  abort: 0x31,
  priority: 0x32,
  deadline: 0x33,
  expireAt: 0x34,
  supersede: 0x35,
  budget: 0x36,
  progress: 0x37,
  partial: 0x38,
  backpressure: 0x39,
  credit: 0x3a,
  capability: 0x3b,
  degrade: 0x3c,
  routeHint: 0x3d,
  executionHint: 0x3e,
  trace: 0x3f,
  dropReason: 0x40,
  declare: 0x41,
  ref: 0x42,
  release: 0x43,
  objectPatch: 0x44,
  objectDelta: 0x45,
  cacheReference: 0x46,
  cacheMiss: 0x47,
  recoverable: 0x48,
  retryAfter: 0x49,
} as const;

/** A field of metadata: how many bytes it has, and its value. */
export type Field = readonly [1 | 2 | 4 | 8, number | bigint];

export const u8 = (value: number): Field => [1, value];
export const u16 = (value: number): Field => [2, value];
export const u32 = (value: number): Field => [4, value];
export const u64 = (value: number | bigint): Field => [8, value];

export function bytes(...fields: readonly Field[]): Buffer {
  const all = Buffer.alloc(fields.reduce((sum, [size]) => sum + size, 0));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 8) all.writeBigUInt64LE(BigInt(value), at);
    else all.writeUIntLE(Number(value), at, size);
    at += size;
  }
  return all;
}

export interface Ids {
  readonly session?: number;
  readonly frame?: number;
  readonly trace?: bigint;
  readonly flags?: number;
}

export function packet(type: number, ids: Ids = {}, metadata: Buffer = NONE, body: Buffer | string = NONE): Buffer {
  const content = typeof body === 'string' ? Buffer.from(body) : body;
  const { session = 0, frame = 0, trace = 0n, flags = 0 } = ids;
  const header = bytes(
    ...[u32(0x50524e4e), u8(1), u8(0), u8(type), u8(40), u32(flags), u32(metadata.length), u32(content.length)],
    ...[u32(session), u32(frame), u16(0), u16(0), u64(trace)],
  );
  return Buffer.concat([header, metadata, content]);
}

const NONE = Buffer.alloc(0);

/** What has come, whole. */
export class Came {
  readonly type: number;
  readonly session: number;
  readonly frame: number;
  readonly trace: bigint;
  readonly metadata: Buffer;
  readonly body: Buffer;

  constructor(readonly all: Buffer) {
    const metadataEnd = 40 + all.readUInt32LE(12);
    this.type = all.readUInt8(6);
    this.session = all.readUInt32LE(20);
    this.frame = all.readUInt32LE(24);
    this.trace = all.readBigUInt64LE(32);
    this.metadata = all.subarray(40, metadataEnd);
    this.body = all.subarray(metadataEnd);
  }

  u16(at: number): number {
    return this.metadata.readUInt16LE(at);
  }

  u32(at: number): number {
    return this.metadata.readUInt32LE(at);
  }

  u64(at: number): bigint {
    return this.metadata.readBigUInt64LE(at);
  }

  get text(): string {
    return this.body.toString();
  }
}

/** The hello of the reference client, with its defaults. */
export function hello(
  change: { readonly profiles?: number; readonly maxVersion?: number; readonly auth?: number } = {},
): Buffer {
  return bytes(
    ...[
      u8(1),
      u8(change.maxVersion ?? 1),
      u16(1),
      u32(change.profiles ?? 3),
      u32(0x73),
      u32(0),
      u32(0),
      u32(0),
      u32(0),
    ],
    ...[u32(0), u16(0), u16(0), u16(1), u16(0), u32(0), u16(0), u16(500), u8(0), u8(0), u16(0), u32(0)],
    ...[u32(change.auth ?? 0), u32(0)],
  );
}

export interface OpenFields {
  readonly id?: number;
  readonly profile?: number;
  readonly flags?: number;
  readonly schema?: number;
  readonly inFlight?: number;
  readonly token?: number;
  readonly auth?: number;
}

export function open(fields: OpenFields = {}): Buffer {
  const { id = 0, profile = 2, flags = 0, schema = 0x1001, inFlight = 4, token = 0, auth = 0 } = fields;
  return bytes(
    ...[u32(id), u16(profile), u8(1), u8(flags), u32(schema), u32(3), u32(500), u16(inFlight), u16(0)],
    ...[u32(30000), u32(token), u32(auth), u32(0), u64(id)],
  );
}

export interface SubmitFields {
  readonly operation: number | bigint;
  readonly kinds?: number;
  readonly count?: number;
  readonly latencyMs?: number;
}

export function submit({ operation, kinds = 2, count = 0, latencyMs = 0 }: SubmitFields): Buffer {
  const metadata = Buffer.alloc(72);
  metadata.writeUInt8(1, 14);
  metadata.writeUInt16LE(latencyMs, 16);
  metadata.writeBigUInt64LE(BigInt(operation), 40);
  metadata.writeUInt8(255, 54);
  metadata.writeUInt32LE(kinds, 64);
  metadata.writeUInt16LE(count, 68);
  return metadata;
}

/** CANCEL and ABORT. */
export function request(operation: number | bigint, flags = 1, role = 1, textBytes = 0): Buffer {
  return bytes(u64(operation), u64(operation), u16(1), u8(role), u8(flags), u32(textBytes), u64(0));
}

/** PRIORITY_UPDATE, DEADLINE, EXPIRE_AT. */
export function scheduling(operation: number | bigint, unixMs: number | bigint, flags = 0, priority = 0): Buffer {
  return bytes(u64(operation), u64(1), u16(priority), u16(0), u64(unixMs), u32(flags));
}

/** SESSION_CLOSE. */
export function sessionClose(lastOperation: number | bigint, policy = 0, timeoutMs = 0): Buffer {
  const metadata = Buffer.alloc(24);
  metadata.writeUInt16LE(1, 0);
  metadata.writeUInt8(policy, 2);
  metadata.writeUInt32LE(timeoutMs, 4);
  metadata.writeBigUInt64LE(BigInt(lastOperation), 8);
  return metadata;
}

export class Peer {
  /** All that has come, in order. */
  readonly seen: Came[] = [];
  private held = NONE;
  private readonly came: Came[] = [];
  private waiting: { readonly resolve: (came: Came | undefined) => void; readonly wanted: number | undefined }[] = [];
  private isOver = false;

  constructor(readonly stream: Duplex) {
    stream.on('data', (chunk: Buffer) => this.read(chunk));
    stream.on('error', () => {});
    stream.on('close', () => this.over());
    stream.on('end', () => this.over());
  }

  send(...packets: readonly Buffer[]): void {
    this.stream.write(Buffer.concat(packets));
  }

  /** The next packet that was not taken; of one type where one is given, others are left. Undefined when the connection has ended. */
  async next(wanted?: number): Promise<Came | undefined> {
    const at = this.came.findIndex(({ type }) => wanted === undefined || type === wanted);
    if (at >= 0) return this.came.splice(at, 1)[0];
    if (this.isOver) return undefined;
    return await new Promise((resolve) => this.waiting.push({ resolve, wanted }));
  }

  /** The next packet. @throws when it is of another type, or none comes */
  async get(wanted: number): Promise<Came> {
    const came = await this.next();
    if (came?.type !== wanted) {
      const got = came === undefined ? 'the end' : `0x${came.type.toString(16)} ${came.text}`;
      throw new Error(`expected 0x${wanted.toString(16)}, got ${got}`);
    }
    return came;
  }

  /** All that has come and was not taken, when the connection is over. */
  async rest(): Promise<readonly Came[]> {
    const found: Came[] = [];
    for (let came = await this.next(); came !== undefined; came = await this.next()) found.push(came);
    return found;
  }

  /** Hello and one session. */
  async opened(fields: OpenFields = {}, token: Buffer = NONE): Promise<Came> {
    this.send(packet(T.hello, {}, hello()), packet(T.open, {}, open({ ...fields, token: token.length }), token));
    await this.get(T.helloAck);
    return await this.get(T.openAck);
  }

  /** An answer to a probe shows that everything before it was dealt with. */
  async settled(): Promise<void> {
    this.send(packet(T.probe, {}, bytes(u64(1), u32(0), u32(0))));
    await this.next(T.probeAck);
  }

  /** Is gone without a word, as far as the stream can: by a reset over TCP. */
  end(): void {
    try {
      if ('resetAndDestroy' in this.stream) (this.stream as Socket).resetAndDestroy();
    } catch {
      // Sockets of other kinds have the method as well.
    }
    this.stream.destroy();
  }

  private read(chunk: Buffer): void {
    this.held = Buffer.concat([this.held, chunk]);
    while (this.held.length >= 40) {
      const length = 40 + this.held.readUInt32LE(12) + this.held.readUInt32LE(16);
      if (this.held.length < length) return;
      this.arrived(new Came(Buffer.from(this.held.subarray(0, length))));
      this.held = this.held.subarray(length);
    }
  }

  private arrived(came: Came): void {
    this.seen.push(came);
    const at = this.waiting.findIndex(({ wanted }) => wanted === undefined || wanted === came.type);
    if (at < 0) this.came.push(came);
    else this.waiting.splice(at, 1)[0]?.resolve(came);
  }

  private over(): void {
    this.isOver = true;
    for (const { resolve } of this.waiting) resolve(undefined);
    this.waiting = [];
  }
}
