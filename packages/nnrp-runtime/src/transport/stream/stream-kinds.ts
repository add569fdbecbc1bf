import type { Duplex } from 'node:stream';

/* What a stream can do beyond a Duplex, and what has become of it. */

/** A stream that can end without sending what it still holds, as net.Socket can. */
interface ResettableDuplex extends Duplex {
  resetAndDestroy(): unknown;
}

const METHODS = ['on', 'read', 'pause', 'resume', 'write', 'end', 'destroy'] as const;

/** Of any implementation: it is known by what it can do. */
export function isDuplex(value: unknown): value is Duplex {
  return METHODS.every((name) => typeof (value as Partial<Duplex> | null | undefined)?.[name] === 'function');
}

/** Whether it is a socket of Node. */
export function isResettable(stream: Duplex): stream is ResettableDuplex {
  return typeof (stream as Partial<ResettableDuplex>).resetAndDestroy === 'function';
}

/** Ends a socket without what it still holds, so that the peer sees an error. A Unix domain socket knows no reset: it just ends. */
export function reset(stream: ResettableDuplex): void {
  try {
    stream.resetAndDestroy();
  } catch {
    stream.destroy();
  }
}

/** Whether it has ended for good, or is broken: its events may have come, and come no more. */
export function isOver(stream: Duplex): boolean {
  return stream.destroyed || stream.closed || Boolean(stream.errored);
}
