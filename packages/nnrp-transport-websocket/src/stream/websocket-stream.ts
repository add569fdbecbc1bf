import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { isNnrpError, printable, TransportError } from 'nnrp-core';
import { aside, bytesInside, type Guarded, listen, type MeasuredStream, nextTurn } from 'nnrp-runtime/transport';
import { CloseCode, type CloseReason, closeFailure } from '../frames/close-codes.js';
import { MAX_CONTROL_BYTES, Opcode } from '../frames/frame-header.js';
import { type FrameEvents, FrameReader } from '../frames/frame-reader.js';
import { FrameWriter } from '../frames/frame-writer.js';
import { LingeringSockets } from './lingering-sockets.js';
import { fillMask } from './masks.js';
import { type ReadInTurn, ReadingShares } from './reading-shares.js';

const WATERMARK_BYTES = 64 * 1024;
/** Bytes of the reason of a close frame: its code has two. */
const MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2;
/** Milliseconds that a peer has to take the close frame of a connection that this end gives up, and to end its own side. */
const LINGER_MS = 400;
/** As TCP and TLS have it: a host that is gone is found by it. */
const KEEP_ALIVE_MS = 30_000;

/** Ends no connection: nothing in the end of a turn can throw. */
const NOBODY: Guarded = { crashed: () => {} };
/** Of all connections of the process. */
const shares = new ReadingShares((endTurn) => nextTurn(NOBODY, endTurn));
/** Of all connections of the process. */
const lingering = new LingeringSockets();
const NOTHING = Buffer.alloc(0);
/** Is written after what the socket has not taken at once, and stands for it; none of it is sent. */
const HELD = Buffer.alloc(1);

/** What is known of a connection from its upgrade. */
export interface WebSocketFacts {
  /** For messages. */
  readonly remoteAddress: string;
  readonly isServer: boolean;
  /** Bytes of the first frames that came along with the upgrade. */
  readonly head: Uint8Array;
}

/**
 * The packets of a WebSocket connection as a Node stream: what is written to it goes out as binary messages, one for each
 * packet, and what comes in them can be read. There is no half of a WebSocket: when the peer has closed, both directions
 * are over.
 */
export class WebSocketStream extends Duplex implements MeasuredStream, FrameEvents, Guarded {
  readonly remoteAddress: string;
  /** Largest packet that may come, for the code of the close frame alone. */
  maxPacketBytes = Number.POSITIVE_INFINITY;
  private readonly reader: FrameReader;
  private readonly writer: FrameWriter;
  /** Of TLS: it never takes a write at once, and on Deno it takes no empty one. */
  private readonly isEncrypted: boolean;
  /** Bytes that the socket has been given. */
  private passed = 0;
  private whenTaken: ((error?: Error | null) => void) | undefined;
  private pong: Uint8Array | undefined;
  private pongIsDue = false;
  private readonly readInTurn: ReadInTurn = { turn: 0, bytes: 0 };
  private waitsForTurn = false;
  /** Of the stream, not of the socket: whether more is wanted. */
  private wantsMore = false;
  readonly takesNothing = true;
  private closeSent = false;
  private peerClosed = false;
  private readEnded = false;
  /** Why the stream fails when everything that came before has been read. */
  private failure: TransportError | undefined;

  /** @param socket - upgraded; it belongs to the stream from now on */
  constructor(
    private readonly socket: Socket,
    facts: WebSocketFacts,
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: WATERMARK_BYTES, writableHighWaterMark: WATERMARK_BYTES });
    this.remoteAddress = facts.remoteAddress;
    this.reader = new FrameReader(facts.isServer, this);
    this.writer = new FrameWriter(facts.isServer ? undefined : fillMask);
    this.isEncrypted = (socket as Partial<TLSSocket>).encrypted === true;
    // Owners of the stream listen besides; an end that comes before that is no fault of the program.
    listen(this, this, 'error', () => {});
    // Nothing more can be sent: to go on as if it could would be to wait for ever.
    listen(this, this, 'end', () => {
      this.destroy(this.failure);
    });
    this.own(socket);
    if (facts.head.length > 0) socket.unshift(facts.head);
  }

  private own(socket: Socket): void {
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.pause();
    listen(this, socket, 'data', (chunk: Buffer) => {
      const { reader } = this;
      const before = reader.idleFrames;
      const atMost = before + shares.idleFrames;
      const read = reader.push(chunk, atMost);
      shares.tookIdle(reader.idleFrames - before);
      const hadItsShare = shares.took(this.readInTurn, read);
      if (hadItsShare || reader.idleFrames >= atMost) this.letOthersGo();
      if (read < chunk.length) socket.unshift(chunk.subarray(read));
    });
    listen(this, socket, 'end', () => this.ended());
    listen(this, socket, 'error', (error: Error) => this.destroy(error));
    listen(this, socket, 'close', () => this.ended());
  }

  /** For the guard: what the stream has called has thrown. */
  crashed(error: unknown): void {
    this.destroy(new TransportError(`${this.remoteAddress}: an internal error`, { cause: error }));
  }

  get takenBytes(): number {
    return this.passed - bytesInside(this.socket);
  }

  /** Whether the peer owes the rest of a frame or of a message, as long as it could be read. */
  get isInside(): boolean {
    return this.reader.isInside && (this.waitsForTurn || !this.socket.isPaused());
  }

  override _read(): void {
    this.wantsMore = true;
    if (!this.waitsForTurn) this.socket.resume();
  }

  /** As nearly always, nothing waits: then the bookkeeping of a stream would cost more than the write. */
  override write(chunk: unknown, ...rest: readonly unknown[]): boolean {
    if (rest.length === 0 && this.isIdle && ArrayBuffer.isView(chunk)) {
      this.passOn([chunk as Uint8Array]);
      // What the socket has not taken must show.
      return this.socket.writableLength === 0 || this.socket.destroyed || super.write(HELD);
    }
    return super.write(chunk as Buffer, ...(rest as []));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (chunk === HELD) this.whenSocketTakes(callback);
    else this.pass([chunk], callback);
  }

  override _writev(
    chunks: readonly { chunk: Buffer; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.pass(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.sendClose({ code: this.ownCode, text: '' });
    this.whenSocketTakes(callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const { socket } = this;
    this.reader.stop();
    this.whenTaken = undefined;
    // A peer that has taken everything is told why; any other one would not get to it.
    if (error !== null && socket.writableLength === 0) this.sendClose(reasonOf(error));
    if (!this.closeSent || socket.destroyed) socket.destroy();
    else this.linger();
    callback(error);
  }

  packets(bytes: Uint8Array): void {
    if (this.destroyed || this.readEnded) return;
    // A stream that flows and holds nothing would do the same, and then ask for more.
    if (this.readableFlowing === true && this.readableLength === 0) this.emit('data', bytes);
    else if (!this.push(bytes)) this.stopReading();
  }

  ping(payload: Uint8Array): void {
    // One answer a turn is enough for all that have come: it is that to the last of them.
    this.pong = payload;
    if (this.pongIsDue) return;
    this.pongIsDue = true;
    nextTurn(this, () => {
      this.pongIsDue = false;
      if (!this.destroyed) this.answerPing();
    });
  }

  peerCloses(code: number, reason: string): void {
    this.peerClosed = true;
    this.sendClose({ code: code === 1005 ? CloseCode.Normal : code, text: '' });
    this.endReading(closeFailure(this.remoteAddress, code, printable(reason, MAX_REASON_BYTES)));
  }

  refused(reason: CloseReason): void {
    this.sendClose(reason);
    const text = `${this.remoteAddress}: ${reason.text} (close code ${reason.code})`;
    this.endReading(new TransportError(text, { isRetryable: false }));
  }

  /** The peer's direction of the socket has ended, in whatever way. */
  private ended(): void {
    if (this.destroyed || this.readEnded) return;
    const isExpected = this.peerClosed || (this.closeSent && !this.reader.isInside);
    this.endReading(isExpected ? undefined : closeFailure(this.remoteAddress, 1006, ''));
  }

  private endReading(failure: TransportError | undefined): void {
    if (this.readEnded || this.destroyed) return;
    this.reader.stop();
    this.readEnded = true;
    this.failure = failure;
    this.push(null);
    // What still comes is dropped, so that the end of the socket is seen.
    this.socket.resume();
  }

  private stopReading(): void {
    this.wantsMore = false;
    this.socket.pause();
  }

  private letOthersGo(): void {
    if (this.waitsForTurn || this.destroyed || this.readEnded) return;
    this.wantsMore = !this.socket.isPaused();
    this.waitsForTurn = true;
    this.socket.pause();
    nextTurn(this, () => {
      this.waitsForTurn = false;
      if (this.wantsMore || this.readEnded) this.socket.resume();
    });
  }

  /** A close code for an end in order: when the last packet was too much, the limit is why it ends. */
  private get ownCode(): number {
    return this.reader.lastPacketBytes > this.maxPacketBytes ? CloseCode.TooBig : CloseCode.Normal;
  }

  private get isIdle(): boolean {
    const isFree = this.writableLength === 0 && this.writableCorked === 0 && this.whenTaken === undefined;
    return isFree && !this.writableEnded && !this.destroyed && this.socket.writableLength === 0;
  }

  private pass(pieces: readonly Uint8Array[], callback: (error?: Error | null) => void): void {
    this.passOn(pieces);
    // The peer takes nothing any more; what has come before that can still be read.
    if (this.closeSent) callback();
    else this.whenSocketTakes(callback);
  }

  private passOn(pieces: readonly Uint8Array[]): void {
    const { socket } = this;
    if (this.closeSent || socket.destroyed) return;
    const frames = this.writer.packets(pieces);
    if (frames.length === 0) return;
    const last = frames.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index <= last; index++) this.hand(frames[index] as Uint8Array, index === last);
    if (last > 0) socket.uncork();
    this.watchSocket();
    if (this.pong !== undefined) this.answerPing();
  }

  private give(bytes: Uint8Array): void {
    this.hand(bytes, true);
    this.watchSocket();
  }

  /** @param isLast - of a write: it carries the callback where the socket cannot have taken all at once */
  private hand(bytes: Uint8Array, isLast: boolean): void {
    this.passed += bytes.length;
    if (isLast && this.isEncrypted) this.socket.write(bytes, this.taken);
    else this.socket.write(bytes);
  }

  /** A callback costs as much as the write: elsewhere it is needed only when the socket has not taken all at once. */
  private watchSocket(): void {
    const { isEncrypted, socket } = this;
    if (!isEncrypted && socket.writableLength > 0 && !socket.destroyed) socket.write(NOTHING, this.taken);
  }

  /** Calls back now if the socket holds nothing, else when it does not any more. */
  private whenSocketTakes(callback: (error?: Error | null) => void): void {
    if (this.socket.writableLength === 0 || this.socket.destroyed) callback();
    else this.whenTaken = callback;
  }

  /** The socket has completed a write; it has completed all of them when it holds nothing. */
  private readonly taken = (error?: Error | null): void => {
    // The socket tells of its failure itself.
    if (error || this.socket.writableLength > 0) return;
    const { whenTaken } = this;
    this.whenTaken = undefined;
    whenTaken?.();
    if (this.pong !== undefined) this.answerPing();
  };

  /** Not while something waits: a peer that only asks, and takes no answers, would fill memory with them. */
  private answerPing(): void {
    const { pong } = this;
    if (pong === undefined || !this.writer.isBetween || this.closeSent || this.socket.writableLength > 0) return;
    this.pong = undefined;
    this.give(this.writer.control(Opcode.Pong, pong));
  }

  /** Inside a packet no frame can be sent: then the connection ends without one. */
  private sendClose({ code, text }: CloseReason): void {
    if (this.closeSent || !this.writer.isBetween || this.socket.destroyed || !this.socket.writable) return;
    const reason = Buffer.from(printable(text, MAX_REASON_BYTES));
    const payload = Buffer.allocUnsafe(2 + reason.length);
    payload.writeUInt16BE(code);
    payload.set(reason, 2);
    this.give(this.writer.control(Opcode.Close, payload));
    this.closeSent = true;
  }

  /** Lets the peer take the close frame: what it has sent meanwhile would make the system cut it off otherwise. */
  private linger(): void {
    const { socket } = this;
    if (this.peerClosed) {
      socket.destroySoon();
      socket.resume();
    } else {
      socket.end();
      socket.resume();
    }
    lingering.add(socket);
    const timer = aside(this, LINGER_MS, () => socket.destroy());
    listen(this, socket, 'close', () => {
      lingering.delete(socket);
      clearTimeout(timer);
    });
    listen(this, socket, 'end', () => socket.destroySoon());
  }
}

/** What a peer is told of an end that is not its fault. */
function reasonOf(error: Error): CloseReason {
  return { code: CloseCode.InternalError, text: isNnrpError(error, 'NNRP_ERR_TRANSPORT') ? error.rawMessage : '' };
}
