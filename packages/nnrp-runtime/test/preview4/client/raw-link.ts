import type { Duplex } from 'node:stream';
import {
  helloAckMetadata,
  metadata,
  openAckMetadata,
  packet,
  type RawPacket,
  RESULT_METADATA,
  refusalMetadata,
  T,
} from './raw-packets.js';

export interface RawServerOptions {
  /** Whether a second cancel, and one of an operation that is over, ends the session: 4.23 and later. */
  readonly strictCancels?: boolean;
  /** So many connections are ended over their first bytes, without a word. */
  readonly hangUps?: number;
  /** Token of each session that asks for one. */
  readonly token?: Buffer;
  /** Bits of profiles that the hello accepts. */
  readonly profiles?: number;
  readonly windowMs?: number;
  readonly credit?: number;
  readonly inFlight?: number;
  /** Extensions of the acknowledgement of an open, which those of the reference have none of; opens may have some, too. */
  readonly extensions?: (open: RawPacket) => Buffer;
  /** What is done with opens in place of accepting them. */
  readonly onOpen?: (link: RawLink, open: RawPacket) => boolean;
  readonly onHello?: (link: RawLink, hello: RawPacket) => boolean;
  readonly onClose?: (link: RawLink, close: RawPacket) => boolean;
}

/** What a connection needs of its server. */
export interface RawLinkServer {
  readonly options: RawServerOptions;
  nextSession(): number;
}

interface Operation {
  readonly session: number;
  readonly frame: number;
  readonly id: bigint;
  over: boolean;
  cancelled: boolean;
}

/** One connection of a server that behaves as a reference server does. */
export class RawLink {
  readonly received: RawPacket[] = [];
  readonly sessions = new Set<number>();
  readonly operations = new Map<string, Operation>();
  /** Why it has ended the connection, as a reference server would have. */
  death: string | undefined;
  private greeted = false;
  private readonly broken = new Set<number>();
  private buffer = Buffer.alloc(0);
  private readonly waiters: {
    test: (packet: RawPacket) => boolean;
    take: (packet: RawPacket) => void;
    fail: (error: Error) => void;
  }[] = [];
  private readonly unread: RawPacket[] = [];
  readonly ended: Promise<void>;

  constructor(
    readonly socket: Duplex,
    private readonly server: RawLinkServer,
  ) {
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.push(chunk));
    this.ended = new Promise((resolve) =>
      socket.on('close', () => {
        for (const { fail } of this.waiters.splice(0))
          fail(new Error(`the connection has ended: ${this.death ?? 'by the client'}`));
        resolve();
      }),
    );
  }

  /** The next packet of this type that nobody has asked for yet. */
  next(type: number): Promise<RawPacket> {
    const test = (one: RawPacket) => one.type === type;
    const at = this.unread.findIndex(test);
    if (at >= 0) return Promise.resolve(this.unread.splice(at, 1)[0] as RawPacket);
    return new Promise((take, fail) => this.waiters.push({ test, take, fail }));
  }

  send(type: number, session: number, frame: number, head?: Buffer, body?: Buffer | string, trace?: bigint): void {
    this.socket.write(packet(type, session, frame, head, body, trace));
  }

  kill(why: string): void {
    this.death ??= why;
    this.socket.destroy();
  }

  private push(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    while (this.buffer.length >= 40) {
      const length = 40 + this.buffer.readUInt32LE(12) + this.buffer.readUInt32LE(16);
      if (this.buffer.length < length) return;
      const bytes = Buffer.from(this.buffer.subarray(0, length));
      this.buffer = this.buffer.subarray(length);
      const split = 40 + bytes.readUInt32LE(12);
      this.take({
        bytes,
        type: bytes.readUInt8(6),
        session: bytes.readUInt32LE(20),
        frame: bytes.readUInt32LE(24),
        trace: bytes.readBigUInt64LE(32),
        metadata: bytes.subarray(40, split),
        body: bytes.subarray(split),
      });
      if (this.death !== undefined) return;
    }
  }

  private take(one: RawPacket): void {
    this.received.push(one);
    this.judge(one);
    const at = this.waiters.findIndex(({ test }) => test(one));
    if (at >= 0) this.waiters.splice(at, 1)[0]?.take(one);
    else this.unread.push(one);
  }

  /** What a reference server does by itself. */
  private judge(one: RawPacket): void {
    const { options } = this.server;
    if (one.session === 0) {
      if (one.type === T.PROBE) this.send(T.PROBE_ACK, 0, 0, metadata(16, [0, 32, one.metadata.readUInt32LE(0)]));
      else if (!this.greeted) this.greet(one);
      else if (one.type === T.OPEN) this.open(one);
      else if (one.type === T.PING && options.extensions !== undefined) this.send(T.PONG, 0, 0);
      else this.kill(`type ${one.type} on session 0`);
      return;
    }
    if (!this.sessions.has(one.session)) this.kill(`type ${one.type} for the unknown session ${one.session}`);
    else if (this.broken.has(one.session)) this.kill(`type ${one.type} for the broken session ${one.session}`);
    else if (one.type === T.SUBMIT) this.submit(one);
    else if (one.type === T.CANCEL || one.type === T.ABORT) this.cancel(one);
    else if (one.type === T.SESSION_CLOSE) {
      if (options.onClose?.(this, one)) return;
      this.closeAck(one);
    } else if ([T.PING, T.CLOSE, T.ERROR, T.RESULT, T.HELLO].some((type) => type === one.type))
      this.broken.add(one.session);
  }

  closeAck(close: RawPacket): void {
    const lastOperation = close.metadata.readBigUInt64LE(8);
    this.send(T.SESSION_CLOSE_ACK, close.session, 0, metadata(16, [0, 32, 2], [4, 64, lastOperation]));
    this.sessions.delete(close.session);
  }

  private greet(one: RawPacket): void {
    if (one.type !== T.HELLO || one.metadata.length !== 64 || one.body.length !== 0) {
      this.kill(`type ${one.type} in place of a hello`);
      return;
    }
    this.greeted = true;
    if (this.server.options.onHello?.(this, one)) return;
    this.helloAck(one);
  }

  helloAck(hello: RawPacket, trace = 0n): void {
    const { profiles = 2 } = this.server.options;
    this.send(T.HELLO_ACK, 0, 0, helloAckMetadata(hello.metadata, profiles), '', trace);
  }

  private open(one: RawPacket): void {
    const extensionBytes = this.server.options.extensions === undefined ? 0 : one.metadata.readUInt32LE(36);
    if (one.metadata.length !== 48 || one.body.length !== one.metadata.readUInt32LE(28) + extensionBytes) {
      this.kill('an open whose body is no token');
      return;
    }
    if (this.server.options.onOpen?.(this, one)) return;
    this.openAck(one);
  }

  /** Accepts a session. @param status - 0 opened, else resumed */
  openAck(open: RawPacket, session = this.server.nextSession(), resumed = false): number {
    const { token, windowMs = 120_000, credit = 2, inFlight = 4 } = this.server.options;
    const wanted = (open.metadata.readUInt8(7) & 1) !== 0 && token !== undefined;
    this.sessions.add(session);
    const tokenBytes = wanted ? token.length : 0;
    const head = openAckMetadata(open.metadata, { session, resumed, tokenBytes, windowMs, credit, inFlight });
    const extensions = this.server.options.extensions?.(open) ?? Buffer.alloc(0);
    head.writeUInt32LE(extensions.length, 32);
    this.send(T.OPEN_ACK, session, 0, head, wanted ? Buffer.concat([token, extensions]) : extensions);
    return session;
  }

  refuse(open: RawPacket, code: number, text = ''): void {
    this.send(T.OPEN_ACK, 0, 0, refusalMetadata(open.metadata, code, Buffer.byteLength(text)), text);
  }

  private submit(one: RawPacket): void {
    const id = one.metadata.length === 72 ? one.metadata.readBigUInt64LE(40) : 0n;
    const key = `${one.session}:${one.frame}`;
    const isUsed = [...this.operations.values()].some((other) => other.session === one.session && other.id === id);
    if (id === 0n || isUsed || this.operations.has(key)) this.broken.add(one.session);
    else this.operations.set(key, { session: one.session, frame: one.frame, id, over: false, cancelled: false });
  }

  private cancel(one: RawPacket): void {
    const operation = this.operations.get(`${one.session}:${one.frame}`);
    if (operation === undefined || operation.id !== one.metadata.readBigUInt64LE(0)) this.broken.add(one.session);
    else if (this.server.options.strictCancels !== false && (operation.cancelled || operation.over))
      this.broken.add(one.session);
    else operation.cancelled = true;
  }

  private over(session: number, frame: number): bigint {
    const operation = this.operations.get(`${session}:${frame}`);
    if (operation !== undefined) operation.over = true;
    return operation?.id ?? 0n;
  }

  idOf({ session, frame }: RawPacket): bigint {
    return this.operations.get(`${session}:${frame}`)?.id ?? 0n;
  }

  result({ session, frame }: RawPacket, body: Buffer | string): void {
    this.over(session, frame);
    this.send(T.RESULT, session, frame, RESULT_METADATA, body);
  }

  partial(submit: RawPacket, sequence: number, body: string, flags = 0): void {
    const { session, frame } = submit;
    const head = metadata(
      40,
      [0, 64, this.idOf(submit)],
      [8, 64, sequence],
      [24, 64, sequence - 1],
      [32, 32, Buffer.byteLength(body)],
      [36, 32, flags],
    );
    this.send(T.PARTIAL, session, frame, head, body);
  }

  dropReason(submit: RawPacket, code: number, text = '', flags = 0): void {
    const { session, frame } = submit;
    const id = this.over(session, frame);
    const head = metadata(
      32,
      [0, 64, id],
      [8, 64, 1],
      [16, 16, code],
      [18, 8, 2],
      [19, 8, flags],
      [20, 32, Buffer.byteLength(text)],
    );
    this.send(T.DROP_REASON, session, frame, head, text);
  }

  progress(submit: RawPacket, sequence: number, percentX100: number, body = ''): void {
    const head = metadata(
      32,
      [0, 64, this.idOf(submit)],
      [8, 64, sequence],
      [16, 16, 1],
      [18, 16, percentX100],
      [28, 32, Buffer.byteLength(body)],
    );
    this.send(T.PROGRESS, submit.session, submit.frame, head, body);
  }

  /** CREDIT_UPDATE, or BACKPRESSURE with a level. */
  pressure(type: number, session: number, window: number, level = 0, retryAfterMs = 0, flags = 0): void {
    const head = metadata(
      32,
      [0, 64, session],
      [8, 64, window],
      [16, 16, level],
      [20, 32, retryAfterMs],
      [24, 32, flags],
    );
    this.send(type, session, 0, head);
  }
}
