import type { Duplex } from 'node:stream';

/*
 * A peer that does what the preview3 reference does, written from the specification alone: nothing of this package or
 * of nnrp-core is used, so that a mistake in them cannot hide here. The connections come from the test. One session each; each call reads exactly
 * one packet and fails on any that it does not expect.
 */

/** One packet, taken apart with nothing but offsets. */
export interface ReferencePacket {
  readonly type: number;
  readonly flags: number;
  readonly sessionId: number;
  readonly frameId: number;
  readonly rest: Buffer;
  readonly metadata: Buffer;
  readonly body: Buffer;
}

export const TYPE = {
  open: 7,
  openAck: 8,
  close: 9,
  closeAck: 10,
  submit: 16,
  cancel: 17,
  result: 18,
  drop: 19,
  flow: 23,
};

/** Reads as the reference does: 40 bytes, then the metadata, then the body. No reading ahead. */
export class ReferenceWire {
  private buffered = Buffer.alloc(0);
  private ended = false;
  private wake: () => void = () => {};

  constructor(private readonly socket: Duplex) {
    socket.on('data', (chunk: Buffer) => {
      this.buffered = Buffer.concat([this.buffered, chunk]);
      this.wake();
    });
    const end = () => {
      this.ended = true;
      this.wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  async read(): Promise<ReferencePacket> {
    const header = await this.take(40);
    if (header.toString('latin1', 0, 4) !== 'NNRP') throw new Error('invalid_magic');
    if (header[4] !== 1 || header[5] !== 0 || header[7] !== 40) throw new Error('bad version, wire format or length');
    const metadata = await this.take(header.readUInt32LE(12));
    const body = await this.take(header.readUInt32LE(16));
    return {
      type: header.readUInt8(6),
      flags: header.readUInt32LE(8),
      sessionId: header.readUInt32LE(20),
      frameId: header.readUInt32LE(24),
      rest: header.subarray(28),
      metadata,
      body,
    };
  }

  /** @throws Error unexpected_message when the next packet is of another type, session or metadata length */
  async expect(type: number, sessionId: number | undefined, metadataBytes: number): Promise<ReferencePacket> {
    const packet = await this.read();
    const { metadata } = packet;
    if (packet.type !== type) throw new Error(`unexpected_message: type ${packet.type} instead of ${type}`);
    if (sessionId !== undefined && packet.sessionId !== sessionId) throw new Error('unexpected_message: session');
    if (metadata.length !== metadataBytes) throw new Error(`unexpected_message: ${metadata.length} metadata bytes`);
    return packet;
  }

  write(
    type: number,
    sessionId: number,
    frameId: number,
    metadata: Buffer = Buffer.alloc(0),
    body: Buffer = Buffer.alloc(0),
  ): void {
    const header = Buffer.alloc(40);
    header.write('NNRP', 0, 'latin1');
    header.writeUInt8(1, 4);
    header.writeUInt8(type, 6);
    header.writeUInt8(40, 7);
    header.writeUInt32LE(metadata.length, 12);
    header.writeUInt32LE(body.length, 16);
    header.writeUInt32LE(sessionId, 20);
    header.writeUInt32LE(frameId, 24);
    // Three writes, as the reference makes them: nothing may depend on packets that come in one piece.
    this.socket.write(header);
    if (metadata.length > 0) this.socket.write(metadata);
    if (body.length > 0) this.socket.write(body);
  }

  /** Whether the other side has ended the connection and left nothing unread. */
  async isOver(): Promise<boolean> {
    while (!this.ended) await this.more();
    return this.buffered.length === 0;
  }

  end(): void {
    this.socket.end();
  }

  private async take(length: number): Promise<Buffer> {
    while (this.buffered.length < length) {
      if (this.ended) throw new Error(`io: the stream ended ${length - this.buffered.length} bytes too early`);
      await this.more();
    }
    const taken = this.buffered.subarray(0, length);
    this.buffered = this.buffered.subarray(length);
    return taken;
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

/** The reference client: one connection, one session, requested id 1. */
export class ReferenceClient {
  private frameId = 0;

  private constructor(
    private readonly wire: ReferenceWire,
    readonly sessionId: number,
  ) {}

  static async open(stream: Duplex, requestedSessionId = 1): Promise<ReferenceClient> {
    const wire = new ReferenceWire(stream);
    const open = Buffer.alloc(48);
    open.writeUInt32LE(requestedSessionId, 0);
    open.writeUInt16LE(2, 4);
    open.writeUInt8(1, 6);
    open.writeUInt32LE(0x1001, 8);
    open.writeUInt32LE(3, 12);
    open.writeUInt32LE(500, 16);
    open.writeUInt16LE(4, 20);
    open.writeUInt32LE(30_000, 24);
    open.writeBigUInt64LE(BigInt(requestedSessionId), 40);
    wire.write(TYPE.open, 0, 0, open);
    const ack = (await wire.expect(TYPE.openAck, undefined, 56)).metadata;
    const [status, sessionId, errorCode] = [ack.readUInt8(7), ack.readUInt32LE(0), ack.readUInt32LE(48)];
    if (status !== 0 || sessionId === 0) throw new Error(`unexpected_message: status ${status}, code ${errorCode}`);
    return new ReferenceClient(wire, sessionId);
  }

  submit(body: Buffer): number {
    const metadata = Buffer.alloc(72);
    metadata.writeUInt32LE(2, 64);
    metadata.writeUInt16LE(1, 68);
    this.wire.write(TYPE.submit, this.sessionId, ++this.frameId, metadata, body);
    return this.frameId;
  }

  cancel(frameId: number): void {
    this.wire.write(TYPE.cancel, this.sessionId, frameId);
  }

  /** A result with its body, or a drop; anything else is unexpected. */
  async event(): Promise<{ readonly frameId: number; readonly result?: Buffer }> {
    const packet = await this.wire.read();
    if (packet.sessionId !== this.sessionId) throw new Error('unexpected_message: session');
    if (packet.type === TYPE.result && packet.metadata.length === 64)
      return { frameId: packet.frameId, result: packet.body };
    if (packet.type === TYPE.drop && packet.metadata.length + packet.body.length === 0)
      return { frameId: packet.frameId };
    throw new Error(`unexpected_message: type ${packet.type}`);
  }

  /** Closes as the reference does: the very next packet must be the confirmation. */
  async close(): Promise<{ readonly status: number; readonly watermark: bigint }> {
    const close = Buffer.alloc(24);
    close.writeUInt16LE(1, 0);
    close.writeBigUInt64LE(BigInt(this.frameId), 8);
    close.writeUInt32LE(this.sessionId, 20);
    this.wire.write(TYPE.close, this.sessionId, 0, close);
    const { metadata } = await this.wire.expect(TYPE.closeAck, this.sessionId, 16);
    this.wire.end();
    return { status: metadata.readUInt8(0), watermark: metadata.readBigUInt64LE(4) };
  }

  /** Whether the server has ended the connection, with nothing left to read. */
  isOver(): Promise<boolean> {
    return this.wire.isOver();
  }
}

/** The reference server's side of one session. */
export class ReferenceSession {
  constructor(
    readonly wire: ReferenceWire,
    readonly sessionId: number,
    readonly openHeader: ReferencePacket,
  ) {}

  async receiveSubmit(): Promise<ReferencePacket> {
    const packet = await this.wire.expect(TYPE.submit, this.sessionId, 72);
    if (packet.frameId === 0) throw new Error('invalid_operation_relationship');
    return packet;
  }

  sendResult(frameId: number, body: Buffer): void {
    const metadata = Buffer.alloc(64);
    metadata.writeUInt16LE(200, 0);
    metadata.writeUInt16LE(2, 8);
    metadata.writeUInt32LE(2, 56);
    metadata.writeUInt16LE(1, 60);
    this.wire.write(TYPE.result, this.sessionId, frameId, metadata, body);
  }

  sendDrop(frameId: number): void {
    this.wire.write(TYPE.drop, this.sessionId, frameId);
  }

  /** A credit update of session scope. */
  sendFlow(credit: number): void {
    const metadata = Buffer.alloc(32);
    metadata.writeUInt8(1, 0);
    metadata.writeUInt16LE(credit, 6);
    metadata.writeUInt32LE(1, 24);
    metadata.writeUInt32LE(1, 28);
    this.wire.write(TYPE.flow, this.sessionId, 0, metadata);
  }

  receiveClose(): Promise<ReferencePacket> {
    return this.wire.expect(TYPE.close, this.sessionId, 24);
  }

  /** Confirms with the watermark echoed, then closes the transport. */
  ackClose(close: ReferencePacket): void {
    const metadata = Buffer.alloc(16);
    metadata.writeUInt8(2, 0);
    metadata.writeBigUInt64LE(close.metadata.readBigUInt64LE(8), 4);
    this.wire.write(TYPE.closeAck, this.sessionId, 0, metadata);
    this.wire.end();
  }
}

/** The reference server: one session per connection, id 1 for 0, and a refusal drops the connection. */
export class ReferenceServer {
  /** @param connections - those that clients make to it, one after another */
  constructor(private readonly connections: () => Promise<Duplex>) {}

  /** @param refuseWith - session_error_code of a refusal; absent = granted */
  async accept(refuseWith?: number): Promise<ReferenceSession> {
    const wire = new ReferenceWire(await this.connections());
    const packet = await wire.expect(TYPE.open, undefined, 48);
    const open = packet.metadata;
    const sessionId = refuseWith === undefined ? open.readUInt32LE(0) || 1 : 0;
    const ack = Buffer.alloc(56);
    ack.writeUInt32LE(sessionId, 0);
    open.copy(ack, 4, 4, 7);
    ack.writeUInt8(refuseWith === undefined ? 0 : 1, 7);
    open.copy(ack, 8, 8, 16);
    ack.writeUInt16LE(2, 16);
    ack.writeUInt16LE(4, 18);
    ack.writeUInt32LE(30_000, 20);
    ack.writeUInt32LE(120_000, 24);
    ack.writeBigUInt64LE(BigInt(sessionId), 36);
    ack.writeUInt32LE(refuseWith ?? 0, 48);
    wire.write(TYPE.openAck, sessionId, 0, ack);
    if (refuseWith !== undefined) wire.end();
    return new ReferenceSession(wire, sessionId, packet);
  }
}
