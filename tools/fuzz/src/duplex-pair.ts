import { Duplex } from 'node:stream';

class DuplexEnd extends Duplex {
  peer: DuplexEnd | undefined;
  private waiting: (() => void) | undefined;

  override _read(): void {
    const go = this.waiting;
    this.waiting = undefined;
    go?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { peer } = this;
    // A network copies; an end that keeps a chunk must not see it change.
    if (peer === undefined || peer.destroyed || peer.push(Buffer.from(chunk))) setImmediate(done);
    else peer.waiting = done;
  }

  override _final(done: () => void): void {
    if (this.peer?.destroyed === false) this.peer.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { peer } = this;
    this._read();
    if (peer !== undefined && !peer.destroyed) setImmediate(() => peer.destroy());
    done(error);
  }
}

/** Little room, so that what happens without any happens often. */
const OPTIONS = { allowHalfOpen: true, writableHighWaterMark: 64 };

/** Two streams: what goes into one comes out of the other, in later turns. */
export function duplexPair(): [Duplex, Duplex] {
  const left = new DuplexEnd(OPTIONS);
  const right = new DuplexEnd(OPTIONS);
  left.peer = right;
  right.peer = left;
  return [left, right];
}
