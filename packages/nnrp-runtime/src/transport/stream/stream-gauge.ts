import type { Duplex } from 'node:stream';
import type { PacedWriter } from './paced-writer.js';
import type { Gauge } from './stall-watch.js';
import { STREAM_DEFAULTS } from './stream-transport-options.js';

/** A stream of one's own that can tell how its peer gets on inside one write. */
export interface MeasuredStream {
  /** Bytes that the other end has taken off this one since the stream began; never what it has sent. It only grows. */
  readonly takenBytes: number;
  /** Whether the other end is being asked at the moment whether it is still there, so that its answer is worth waiting for. */
  readonly isAsking?: boolean;
  /** Whether it may be given nothing to write, and calls back when it has passed on what came before. */
  readonly takesNothing?: boolean;
}

/** What a socket of Node has in the system's hands. Node's own timeouts of sockets look at the same. */
interface Handle {
  readonly writeQueueSize?: number;
  /** Of TLS: the socket below it. */
  readonly _parent?: Handle;
}

/** The best length of one write: where nothing shows of a write until it is over, a slow peer has to get over it in time. */
export function bestWriteBytes(stream: Duplex): number {
  return isMeasured(stream) || queuedBytes(stream) !== undefined
    ? Number.POSITIVE_INFINITY
    : STREAM_DEFAULTS.maxWriteBytes;
}

/** Shows how far the peer of a stream has got with what it is sent. */
export class StreamGauge implements Gauge {
  /** Bytes that the writer has been given. */
  passedBytes = 0;

  constructor(
    private readonly stream: Duplex,
    private readonly writer: PacedWriter,
  ) {}

  get takenBytes(): number {
    const { stream } = this;
    return isMeasured(stream) ? stream.takenBytes : this.passedBytes - this.waitingBytes;
  }

  get waitingBytes(): number {
    return this.writer.byteLength + bytesInside(this.stream);
  }

  get isAsking(): boolean {
    return isMeasured(this.stream) && this.stream.isAsking === true;
  }
}

function isMeasured(stream: Duplex): stream is Duplex & MeasuredStream {
  return typeof (stream as Partial<MeasuredStream>).takenBytes === 'number';
}

/** Whether a stream of one's own says that it may be given nothing to write. */
export function takesNothing(stream: Duplex): boolean {
  return isMeasured(stream) && stream.takesNothing === true;
}

/** Of a write that is under way, a stream counts all until it is over; a socket knows better. */
export function bytesInside(stream: Duplex): number {
  const { writableLength } = stream;
  return Math.min(writableLength, queuedBytes(stream) ?? writableLength);
}

/** What the system has not taken yet of a socket's write; undefined where that is not known. */
function queuedBytes(stream: Duplex): number | undefined {
  let handle = (stream as { readonly _handle?: Handle | null })._handle ?? undefined;
  while (handle?._parent) handle = handle._parent;
  const size = handle?.writeQueueSize;
  return typeof size === 'number' ? size : undefined;
}
