import { Duplex, PassThrough, Transform } from 'node:stream';
import { ClosedError } from 'nnrp-core';
import { describe, it } from 'vitest';
import { transportCompliance } from '../../src/testing/index.js';
import { AcceptQueue } from '../../src/transport/listening/accept-queue.js';
import { StreamTransport } from '../../src/transport/stream/stream-transport.js';

const LATE_MS = 3;
const MOST_UNDER_WAY = 64 * 1024;

/** Both ends of a pipe that keeps what it is given: the bytes are passed on, not copied. */
type Pipe = () => [Duplex, Duplex];

function crossed(make: () => Duplex): [Duplex, Duplex] {
  const [there, back] = [make(), make()];
  const ends = [
    Duplex.from({ readable: back, writable: there }),
    Duplex.from({ readable: there, writable: back }),
  ] as const;
  // A pipe has one end when it is cut, whichever side cuts it.
  for (const [one, other] of [ends, [ends[1], ends[0]]] as const) {
    one.on('error', () => {});
    one.on('close', () => {
      if (!other.destroyed && !(one.writableFinished && one.readableEnded)) other.destroy();
    });
  }
  return [...ends];
}

/** Calls back at once as long as little is under way, and delivers some milliseconds later. */
class Late extends Duplex {
  peer: Late | undefined;
  private underWay = 0;
  private wantsMore: (() => void) | undefined;
  private peerReads = true;

  override _read(): void {
    const { peer } = this;
    if (peer === undefined) return;
    peer.peerReads = true;
    peer.goOn();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.underWay += chunk.length;
    setTimeout(() => {
      this.underWay -= chunk.length;
      if (this.peer?.destroyed === false) this.peerReads = this.peer.push(chunk);
      this.goOn();
    }, LATE_MS);
    this.wantsMore = callback;
    this.goOn();
  }

  override _final(callback: () => void): void {
    setTimeout(() => {
      if (this.peer?.destroyed === false) this.peer.push(null);
      callback();
    }, LATE_MS);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!(this.writableFinished && this.readableEnded)) setTimeout(() => this.peer?.destroy(), LATE_MS);
    callback(error);
  }

  private goOn(): void {
    if (!this.peerReads || this.underWay > MOST_UNDER_WAY) return;
    const { wantsMore } = this;
    this.wantsMore = undefined;
    wantsMore?.();
  }
}

const PIPES: [string, Pipe][] = [
  ['two PassThroughs, crossed', () => crossed(() => new PassThrough())],
  [
    'two Transforms, crossed',
    () => crossed(() => new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) })),
  ],
  [
    'a Duplex that calls back at once and delivers later',
    () => {
      const ends: [Late, Late] = [new Late(), new Late()];
      [ends[0].peer, ends[1].peer] = [ends[1], ends[0]];
      for (const end of ends) end.on('error', () => {});
      return ends;
    },
  ],
];

describe.each(PIPES)("a stream of one's own as a transport: %s", (_name, pipe) => {
  const stallTimeoutMs = 1000;
  const cases = transportCompliance({
    stallTimeoutMs,
    async listen() {
      const waiting = new AcceptQueue('pipe');
      let isOpen = true;
      const close = async () => {
        isOpen = false;
        waiting.close();
      };
      return {
        listener: { kind: 'pipe', address: 'pipe', accept: () => waiting.next(), close },
        connect: async () => {
          if (!isOpen) throw new ClosedError('the pipe has no listener');
          const [here, there] = pipe();
          waiting.add(new StreamTransport(there, { kind: 'pipe', remoteAddress: 'client', stallTimeoutMs }));
          return new StreamTransport(here, { kind: 'pipe', remoteAddress: 'server', stallTimeoutMs });
        },
        close,
      };
    },
  });
  for (const { name, run } of cases) it(name, run);
});
