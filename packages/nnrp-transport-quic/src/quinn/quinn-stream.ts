import { Duplex } from 'node:stream';
import { TransportError } from 'nnrp-core';
import { type Guarded, listen } from 'nnrp-runtime/transport';
import type { PathFacts, QuicCipher, QuicStream } from '../engine.js';
import type { StreamPort } from './stream-port.js';

const SCRATCH_BYTES = 64 * 1024;
/** Bytes that one stream delivers before others get their turn. */
const MAX_READ = 1024 * 1024;
/** How often a peer is asked, while this end closes, before it counts as silent. */
const MIN_PROBES = 2;
/** The longest wait of the library for an answer, in milliseconds; beyond, it waits for nothing but the idle timeout. */
const MAX_PROBE_MS = 10_000;
const EMPTY_BYTES = new Uint8Array(0);
const NO_PIECES: readonly Uint8Array[] = [];

/** Bytes arrive here first; a read that fills much of it keeps it, and a new one is made. */
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** What a stream needs of its connection. */
export interface StreamOwner extends Guarded {
  /** Asks for a turn in which what has come is read. */
  readSoon(): void;
  /** Asks for a turn in which what waits is sent. */
  flushSoon(): void;
  /** The stream is over, so the connection is. @param error - null when it ends in good order */
  close(error: Error | null): void;
}

/** What is known of a stream from the handshake. */
export interface StreamFacts {
  readonly remoteAddress: string;
  readonly alpn: string;
  readonly peerCertificate: Uint8Array | undefined;
  readonly cipher: QuicCipher;
  readonly handshakeMs: number;
  /** At a server the stream is there once the client has sent something on it. What is written waits for that. */
  readonly isClient: boolean;
  /** @see ConnectionSettings.preamble */
  readonly preamble: Uint8Array | undefined;
  /** Bytes of it that a client has sent. */
  readonly preambleSent: number;
}

/** The stream of a connection as a Node stream. */
export class QuinnStream extends Duplex implements QuicStream {
  readonly remoteAddress: string;
  readonly alpn: string;
  readonly peerCertificate: Uint8Array | undefined;
  readonly cipher: QuicCipher;
  readonly handshakeMs: number;
  private opened: boolean;
  /** At a server, what may come first and alone. */
  private preamble: Uint8Array | undefined;
  private held: Buffer | undefined;
  private preambleSent: number;
  private wanted = false;
  private peerFinished = false;
  /** Nothing comes any more but what has come already. */
  private connectionEnded = false;
  /** The write that is under way: which pieces, and how far it has got. */
  private pieces = NO_PIECES;
  private index = 0;
  private offset = 0;
  private whenWritten: ((error?: Error | null) => void) | undefined;
  private finishing = false;
  private finished = false;
  private whenFinal: ((error?: Error | null) => void) | undefined;
  /** The peer has stopped reading: it takes nothing more, an end of ours included. */
  private stopped = false;
  private taken = 0;
  /** Bytes that the peer had acknowledged when that was looked at last, since everything was written. */
  private acknowledged = 0;
  /** How often the peer has been asked since it has taken something. */
  private probes = 0;
  /** When that was, or when it has taken something. */
  private askedMs = 0;

  constructor(
    private readonly driven: StreamOwner,
    private readonly port: StreamPort,
    facts: StreamFacts,
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: SCRATCH_BYTES, writableHighWaterMark: SCRATCH_BYTES });
    this.remoteAddress = facts.remoteAddress;
    this.alpn = facts.alpn;
    this.peerCertificate = facts.peerCertificate;
    this.cipher = facts.cipher;
    this.handshakeMs = facts.handshakeMs;
    this.opened = facts.isClient;
    if (!facts.isClient) this.preamble = facts.preamble;
    this.preambleSent = facts.preambleSent;
    // Owners of the stream listen besides; an end that comes before that is no fault of the program.
    this.on('error', () => {});
    // Nothing more can be sent: to go on as if it could would be to wait for ever.
    listen(driven, this, 'end', () => {
      if (this.connectionEnded) this.destroy();
    });
  }

  /** Something has come. */
  packetReceived(): void {
    if (this.finished) this.lookForAcknowledgements();
    this.goOn();
  }

  /** The peer has been asked after what is under way, and what was lost makes room for more. */
  probeFired(): void {
    if (this.isProbe()) this.probes++;
    this.goOn();
  }

  /** Whether the peer could have answered since it was asked last: the library's timer is about other things as well. */
  private isProbe(): boolean {
    if (!this.finishing) return false;
    const nowMs = performance.now();
    if (nowMs - this.askedMs < (this.port.path?.roundTripMs ?? 0)) return false;
    this.askedMs = nowMs;
    return true;
  }

  /** Goes on with whatever has waited for something to come, or for room. */
  private goOn(): void {
    if (this.destroyed) return;
    this.pull();
    this.pump();
    this.checkFinal();
  }

  /** The peer takes nothing more. What it says may still be of use, so nothing ends before there is something to tell it. */
  peerStopped(): void {
    this.stopped = true;
    if (this.destroyed || (this.whenWritten === undefined && !this.finishing)) return;
    this.destroy(new TransportError('the peer takes no more (it has stopped reading)'));
  }

  /** The connection has ended. @param error - absent after an orderly end */
  ended(error: Error | undefined): void {
    if (this.destroyed) return;
    // The peer takes nothing that is not written yet.
    if (error !== undefined || this.whenWritten !== undefined) {
      this.destroy(error ?? new TransportError('the peer has ended the connection'));
      return;
    }
    this.connectionEnded = true;
    this.finished = true;
    this.pull();
    this.finalDone();
    if (this.readableEnded) this.destroy();
  }

  get path(): PathFacts | undefined {
    return this.port.path;
  }

  get takenBytes(): number {
    return this.taken;
  }

  /** What is lost may be missed late on a slow path: a peer is given up after it has been asked. */
  get isAsking(): boolean {
    if (!this.finishing || this.probes >= MIN_PROBES) return false;
    const probeMs = this.port.timeoutMs;
    return probeMs <= MAX_PROBE_MS;
  }

  override _read(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.driven.readSoon();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.begin([chunk], callback);
  }

  override _writev(
    chunks: readonly { chunk: Buffer; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.begin(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.whenFinal = callback;
    this.finishing = true;
    this.pump();
    if (!this.opened || this.stopped) this.closeUnused();
    else this.checkFinal();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.pieces = NO_PIECES;
    this.driven.close(error);
    callback(error);
  }

  private begin(pieces: readonly Uint8Array[], callback: (error?: Error | null) => void): void {
    if (this.connectionEnded) {
      // The peer cannot take it any more. What has come before the end can still be read.
      callback();
      return;
    }
    this.pieces = pieces;
    this.index = 0;
    this.whenWritten = callback;
    // Pieces are whole packets, or begin with a whole header, so the first one holds all of it.
    this.offset = this.preambleSent;
    this.preambleSent = 0;
    this.pump();
    this.keepRest();
  }

  /** What there is no room for yet is copied: a piece may belong to code that changes or transfers it later. */
  private keepRest(): void {
    if (this.whenWritten === undefined || this.destroyed) return;
    const rest = this.pieces.slice(this.index);
    const [first] = rest;
    if (first === undefined) return;
    rest[0] = first.subarray(this.offset);
    this.pieces = rest.map((piece) => new Uint8Array(piece));
    this.index = 0;
    this.offset = 0;
  }

  private pull(): void {
    let total = 0;
    while (this.wanted && !this.peerFinished && !this.destroyed && this.port.isReadable) {
      this.opened = true;
      if (total >= MAX_READ) {
        this.driven.readSoon();
        break;
      }
      const got = this.receive();
      if (got === null) break;
      const [bytes, fin] = got;
      total += bytes;
      if (bytes > 0) this.received(bytes);
      if (fin) this.peerFinishes();
    }
    if (this.connectionEnded && this.wanted && !this.peerFinished && total < MAX_READ) this.peerFinishes();
    if (total > 0) this.driven.flushSoon();
  }

  /** Reads into the scratch. */
  private receive(): [bytes: number, fin: boolean] | null {
    try {
      return this.port.read(scratch);
    } catch (error) {
      this.destroy(new TransportError(`the peer has given up sending (${(error as Error).message})`, { cause: error }));
      return null;
    }
  }

  private peerFinishes(): void {
    if (this.destroyed) return;
    this.peerFinished = true;
    this.push(null);
  }

  /** Hands over the bytes at the beginning of the scratch. */
  private received(bytes: number): void {
    const { preamble, held } = this;
    if (preamble !== undefined) {
      if (held === undefined && bytes === preamble.length && scratch.subarray(0, bytes).equals(preamble)) {
        // A client that has said nothing else has said nothing.
        this.held = own(bytes);
        return;
      }
      this.preamble = undefined;
      if (held !== undefined) this.push(held);
    }
    this.wanted = this.push(own(bytes));
  }

  private pump(): void {
    if (this.connectionEnded || (!this.opened && !this.isOpen())) return;
    const { pieces } = this;
    while (this.index < pieces.length) {
      const piece = pieces[this.index] as Uint8Array;
      const rest = this.offset === 0 ? piece : piece.subarray(this.offset);
      const taken = rest.length === 0 ? 0 : this.transmit(rest, false);
      if (taken === undefined) return;
      if (taken > 0) this.progressed(taken);
      if (taken < rest.length) {
        this.offset += taken;
        return;
      }
      this.index++;
      this.offset = 0;
    }
    this.written();
    if (!this.finishing || this.finished || this.whenWritten !== undefined) return;
    this.finished = this.transmit(EMPTY_BYTES, true) !== undefined;
    if (this.finished) this.acknowledged = this.port.acknowledgedBytes;
    this.driven.flushSoon();
  }

  /** @returns bytes taken; undefined when there is no room, or the stream is over */
  private transmit(bytes: Uint8Array, fin: boolean): number | undefined {
    try {
      return this.port.write(bytes, fin) ?? undefined;
    } catch (error) {
      this.destroy(new TransportError(`the peer takes no more (${(error as Error).message})`, { cause: error }));
      return undefined;
    }
  }

  private written(): void {
    const { whenWritten } = this;
    if (whenWritten === undefined) return;
    this.pieces = NO_PIECES;
    this.whenWritten = undefined;
    whenWritten();
  }

  private progressed(bytes: number): void {
    this.taken += bytes;
    this.probes = 0;
    this.askedMs = performance.now();
    this.driven.flushSoon();
  }

  private lookForAcknowledgements(): void {
    const { acknowledgedBytes } = this.port;
    if (acknowledgedBytes <= this.acknowledged) return;
    this.progressed(acknowledgedBytes - this.acknowledged);
    this.acknowledged = acknowledgedBytes;
  }

  private isOpen(): boolean {
    this.opened = this.port.isReadable;
    return this.opened;
  }

  /** A stream counts as finished when the peer has everything: closing the connection discards what is under way. */
  private checkFinal(): void {
    if (this.whenFinal === undefined) return;
    if (this.connectionEnded || (this.finished && this.peerFinished && this.port.isAcknowledged)) this.finalDone();
  }

  private finalDone(): void {
    const { whenFinal } = this;
    this.whenFinal = undefined;
    whenFinal?.();
  }

  /**
   * There is no stream that could be ended, only the connection: the client has sent nothing yet, or the peer would not hear of
   * the end, and this end would wait for its answer.
   */
  private closeUnused(): void {
    this.driven.close(null);
    this.ended(undefined);
  }
}

/** The bytes at the beginning of the scratch, as memory that is not written to again. */
function own(bytes: number): Buffer {
  if (bytes < SCRATCH_BYTES / 2) {
    // Not Buffer.from: its pool is shared with everything else in the process, and may be reached by way of `buffer`.
    const copy = Buffer.allocUnsafeSlow(bytes);
    scratch.copy(copy, 0, 0, bytes);
    return copy;
  }
  const filled = scratch.subarray(0, bytes);
  scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  return filled;
}
