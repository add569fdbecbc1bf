import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/*
 * The wire as the suite has it: 40 bytes of header, metadata, body, numbers little-endian; exact packets from the vectors.
 */

export const T = {
  hello: 0x01,
  helloAck: 0x02,
  open: 0x07,
  openAck: 0x08,
  close: 0x09,
  closeAck: 0x0a,
  submit: 0x10,
  result: 0x12,
  cancel: 0x30,
  priority: 0x32,
  deadline: 0x33,
  expireAt: 0x34,
  progress: 0x37,
  partial: 0x38,
  credit: 0x3a,
  routeHint: 0x3d,
  trace: 0x3f,
  drop: 0x40,
  cacheReference: 0x46,
  cacheMiss: 0x47,
} as const;

interface Vector {
  readonly name: string;
  readonly hex: string;
}

const vectors = (
  JSON.parse(readFileSync(new URL('../../../../spec/preview4/vectors.json', import.meta.url), 'utf8')) as {
    readonly positive: readonly Vector[];
  }
).positive;

/** A packet that the suite sends, of its vectors; the session is written over. */
export function suitePacket(name: string, session = 1): Buffer {
  const vector = vectors.find((found) => found.name === `suite.${name}`);
  if (vector === undefined) throw new Error(`no vector suite.${name}`);
  const bytes = Buffer.from(vector.hex, 'hex');
  if (bytes.readUInt32LE(20) !== 0) bytes.writeUInt32LE(session, 20);
  return bytes;
}

/** The submit of the frame scenarios, for any operation. */
export function suiteSubmit(session: number, operation: number): Buffer {
  const bytes = suitePacket('cancel_tcp.frame_submit', session);
  bytes.writeBigUInt64LE(BigInt(operation), 40 + 40);
  return bytes;
}

/** SESSION_CLOSE of the suite, for any operation. */
export function suiteClose(session: number, operation: number): Buffer {
  const bytes = suitePacket('cancel_tcp.session_close', session);
  bytes.writeBigUInt64LE(BigInt(operation), 40 + 8);
  return bytes;
}

/** Fields as [bytes, value]. */
export function fields(...values: readonly (readonly [1 | 2 | 4 | 8, number | bigint])[]): Buffer {
  return Buffer.concat(
    values.map(([size, value]) => {
      const bytes = Buffer.alloc(size);
      if (size === 8) bytes.writeBigUInt64LE(BigInt(value));
      else bytes.writeUIntLE(Number(value), 0, size);
      return bytes;
    }),
  );
}

export function packet(type: number, session: number, frame: number, metadata: Buffer, body = ''): Buffer {
  const content = Buffer.from(body);
  const header = fields(
    ...([
      [4, 0x50524e4e],
      [1, 1],
      [1, 0],
      [1, type],
      [1, 40],
      [4, 0],
      [4, metadata.length],
    ] as const),
    ...([
      [4, content.length],
      [4, session],
      [4, frame],
      [2, 0],
      [2, 0],
      [8, 0],
    ] as const),
  );
  return Buffer.concat([header, metadata, content]);
}

/** A packet that has come. */
export class Came {
  readonly type: number;
  readonly session: number;
  readonly frame: number;
  readonly metadata: Buffer;
  readonly body: Buffer;

  constructor(readonly all: Buffer) {
    this.type = all.readUInt8(6);
    this.session = all.readUInt32LE(20);
    this.frame = all.readUInt32LE(24);
    const end = 40 + all.readUInt32LE(12);
    this.metadata = all.subarray(40, end);
    this.body = all.subarray(end);
  }

  get text(): string {
    return this.body.toString();
  }
}

/** Something that carries packets. */
export interface Line {
  send(bytes: Buffer): void;
  onBytes(told: (bytes: Buffer) => void): void;
  onEnd(told: () => void): void;
  end(): void;
}

export function streamLine(stream: Duplex): Line {
  stream.on('error', () => {});
  return {
    send: (bytes) => void stream.write(bytes),
    onBytes: (told) => void stream.on('data', told),
    onEnd: (told) => void stream.on('close', told),
    end: () => void stream.destroy(),
  };
}

/** One end of a connection. */
export class SuitePeer {
  private held = Buffer.alloc(0);
  private readonly came: Came[] = [];
  private readonly waiting: ((came: Came | undefined) => void)[] = [];
  private isOver = false;

  constructor(private readonly line: Line) {
    line.onBytes((bytes) => this.read(bytes));
    line.onEnd(() => {
      this.isOver = true;
      for (const resolve of this.waiting.splice(0)) resolve(undefined);
    });
  }

  send(...packets: readonly Buffer[]): void {
    for (const bytes of packets) this.line.send(bytes);
  }

  end(): void {
    this.line.end();
  }

  /** The next packet, which must be of this type. */
  async get(type: number): Promise<Came> {
    const came =
      this.came.shift() ??
      (this.isOver ? undefined : await new Promise<Came | undefined>((resolve) => this.waiting.push(resolve)));
    if (came?.type === type) return came;
    throw new Error(
      `expected 0x${type.toString(16)}, got ${came === undefined ? 'the end' : came.all.toString('hex')}`,
    );
  }

  private read(bytes: Buffer): void {
    this.held = Buffer.concat([this.held, bytes]);
    while (this.held.length >= 40) {
      const length = 40 + this.held.readUInt32LE(12) + this.held.readUInt32LE(16);
      if (this.held.length < length) return;
      const came = new Came(Buffer.from(this.held.subarray(0, length)));
      this.held = this.held.subarray(length);
      const resolve = this.waiting.shift();
      if (resolve === undefined) this.came.push(came);
      else resolve(came);
    }
  }
}

/** Listens at a port as soon as it is free, takes one connection, and gives the port up. */
export async function listenOnce(port: number): Promise<Socket> {
  for (;;) {
    const server = createServer({ noDelay: true });
    const taken = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    const socket = await taken;
    server.close();
    return socket;
  }
}

/** The server's half of RFC 6455, as far as one binary message for each packet needs it. */
export function acceptWebSocket(socket: Socket): Promise<{ readonly line: Line; readonly head: string }> {
  return new Promise((resolve) => {
    let held = Buffer.alloc(0);
    let told: ((bytes: Buffer) => void) | undefined;
    const frames = () => {
      for (;;) {
        if (told === undefined || held.length < 6) return;
        const short = held.readUInt8(1) & 0x7f;
        const [size, at] = short < 126 ? [short, 2] : [held.readUInt16BE(2), 4];
        if (held.length < at + 4 + size) return;
        const mask = held.subarray(at, at + 4);
        const payload = Buffer.from(held.subarray(at + 4, at + 4 + size)).map((byte, index) => byte ^ mask[index % 4]!);
        const isBinary = (held.readUInt8(0) & 0x0f) === 2;
        held = held.subarray(at + 4 + size);
        if (isBinary) told(Buffer.from(payload));
      }
    };
    const line: Line = {
      send(bytes) {
        const head = bytes.length < 126 ? [0x82, bytes.length] : [0x82, 126, bytes.length >> 8, bytes.length & 0xff];
        socket.write(Buffer.concat([Buffer.from(head), bytes]));
      },
      onBytes(listener) {
        told = listener;
        frames();
      },
      onEnd: (listener) => void socket.on('close', listener),
      end: () => void socket.destroy(),
    };
    let isUpgraded = false;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf('\r\n\r\n');
      if (isUpgraded) frames();
      else if (end >= 0) {
        isUpgraded = true;
        const head = held.subarray(0, end).toString();
        held = held.subarray(end + 4);
        const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
        const answer = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade';
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\nSec-WebSocket-Accept: ${answer}\r\n\r\n`);
        resolve({ line, head });
      }
    });
  });
}
