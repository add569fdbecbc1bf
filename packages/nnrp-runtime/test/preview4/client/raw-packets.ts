/** Message types, by the facts. */
export const T = {
  HELLO: 0x01,
  HELLO_ACK: 0x02,
  CLOSE: 0x05,
  ERROR: 0x06,
  OPEN: 0x07,
  OPEN_ACK: 0x08,
  SESSION_CLOSE: 0x09,
  SESSION_CLOSE_ACK: 0x0a,
  SUBMIT: 0x10,
  FRAME_CANCEL: 0x11,
  RESULT: 0x12,
  DROP: 0x13,
  FLOW: 0x17,
  PROBE: 0x19,
  PROBE_ACK: 0x1a,
  PING: 0x20,
  PONG: 0x21,
  CANCEL: 0x30,
  ABORT: 0x31,
  PRIORITY: 0x32,
  DEADLINE: 0x33,
  EXPIRE: 0x34,
  SUPERSEDE: 0x35,
  BUDGET: 0x36,
  PROGRESS: 0x37,
  PARTIAL: 0x38,
  BACKPRESSURE: 0x39,
  CREDIT: 0x3a,
  CAPABILITY: 0x3b,
  DEGRADE: 0x3c,
  ROUTE: 0x3d,
  EXECUTION: 0x3e,
  TRACE: 0x3f,
  DROP_REASON: 0x40,
  DECLARE: 0x41,
  REF: 0x42,
  RELEASE: 0x43,
  PATCH_OBJECT: 0x44,
  DELTA: 0x45,
  CACHE_REFERENCE: 0x46,
  CACHE_MISS: 0x47,
  RECOVERABLE: 0x48,
  RETRY_AFTER: 0x49,
} as const;

/** A packet as it came. */
export interface RawPacket {
  readonly bytes: Buffer;
  readonly type: number;
  readonly session: number;
  readonly frame: number;
  readonly trace: bigint;
  readonly metadata: Buffer;
  readonly body: Buffer;
}

/** Metadata of so many bytes, all 0 but these fields: [offset, bits, value]. */
export function metadata(
  bytes: number,
  ...fields: readonly (readonly [number, 8 | 16 | 32 | 64, number | bigint])[]
): Buffer {
  const made = Buffer.alloc(bytes);
  for (const [at, bits, value] of fields) {
    if (bits === 8) made.writeUInt8(Number(value), at);
    else if (bits === 16) made.writeUInt16LE(Number(value), at);
    else if (bits === 32) made.writeUInt32LE(Number(value), at);
    else made.writeBigUInt64LE(BigInt(value), at);
  }
  return made;
}

export function packet(
  type: number,
  session: number,
  frame: number,
  head: Buffer = Buffer.alloc(0),
  body: Buffer | string = Buffer.alloc(0),
  trace = 0n,
): Buffer {
  const content = Buffer.from(body);
  const header = Buffer.alloc(40);
  header.write('NNRP', 0, 'ascii');
  header.writeUInt8(1, 4);
  header.writeUInt8(0, 5);
  header.writeUInt8(type, 6);
  header.writeUInt8(40, 7);
  header.writeUInt32LE(head.length, 12);
  header.writeUInt32LE(content.length, 16);
  header.writeUInt32LE(session, 20);
  header.writeUInt32LE(frame, 24);
  header.writeBigUInt64LE(trace, 32);
  return Buffer.concat([header, head, content]);
}

/** status 200, profile 2, one payload frame of kind token: whatever the body is. */
export const RESULT_METADATA = Buffer.alloc(64);
RESULT_METADATA.writeUInt16LE(200, 0);

/** What was offered, accepted. */
export function helloAckMetadata(hello: Buffer, profiles: number): Buffer {
  const offered = (at: number) => hello.readUInt32LE(at);
  return metadata(
    80,
    [0, 8, 1],
    [8, 32, offered(4) & profiles],
    [12, 32, offered(8)],
    [16, 32, offered(12)],
    [20, 32, offered(16)],
    [24, 32, offered(20)],
    [28, 32, offered(24)],
    [48, 16, 1],
    [50, 16, 4],
    [54, 16, hello.readUInt16LE(46)],
    [60, 32, 67_108_864],
    [64, 32, 120_000],
  );
}

export interface Granted {
  readonly session: number;
  readonly resumed: boolean;
  readonly tokenBytes: number;
  readonly windowMs: number;
  readonly credit: number;
  readonly inFlight: number;
}

export function openAckMetadata(open: Buffer, granted: Granted): Buffer {
  const { session, resumed, tokenBytes, windowMs, credit, inFlight } = granted;
  return metadata(
    56,
    [0, 32, session],
    [4, 16, open.readUInt16LE(4)],
    [6, 8, open.readUInt8(6)],
    [7, 8, resumed ? RESUMED : 0],
    [8, 32, open.readUInt32LE(8)],
    [12, 32, open.readUInt32LE(12)],
    [16, 16, credit],
    [18, 16, inFlight],
    [20, 32, 30_000],
    [24, 32, windowMs],
    [28, 32, tokenBytes],
    [36, 64, session],
    [52, 32, tokenBytes > 0 ? 1 : 0],
  );
}

/** session_status of a session that was resumed. */
const RESUMED = 3;

export function refusalMetadata(open: Buffer, code: number, textBytes: number): Buffer {
  return metadata(
    56,
    [4, 16, open.readUInt16LE(4)],
    [6, 8, open.readUInt8(6)],
    [7, 8, 1],
    [16, 16, 2],
    [18, 16, 4],
    [20, 32, 30_000],
    [24, 32, 120_000],
    [32, 32, textBytes],
    [48, 32, code],
  );
}
