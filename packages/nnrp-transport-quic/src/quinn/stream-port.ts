import type { PathFacts } from '../engine.js';
import { BLOCKED, STOPPED } from '../module/module-facts.js';
import type { QuinnModule } from '../module/quinn-module.js';

/** Bytes that one call hands to the module. */
const MAX_WRITE = 64 * 1024;
const ENDED = 1;
const RESET = 2;

/** The stream of one connection in the module: bytes in and out, and what has been heard of them. */
export class StreamPort {
  /** Whether there may be something to read. */
  isReadable = false;
  /** Whether the peer has everything, the end of the stream included. */
  isAcknowledged = false;
  /** There is no room, and the module will tell when there is. */
  private blocked = false;

  constructor(
    private readonly module: QuinnModule,
    private readonly index: number,
  ) {}

  /** There may be room again. */
  unblock(): void {
    this.blocked = false;
  }

  /** @returns bytes, and whether they were the last; null when there are none. @throws Error when the peer has given up */
  read(out: Uint8Array): [bytes: number, end: boolean] | null {
    const { module, index } = this;
    const bytes = module.read(index, out);
    const { readEnd } = module;
    if (readEnd === RESET) {
      this.isReadable = false;
      throw new Error('StreamReset');
    }
    const isEnd = readEnd === ENDED;
    if (bytes === 0) this.isReadable = false;
    return bytes === 0 && !isEnd ? null : [bytes, isEnd];
  }

  /**
   * Some taken is no word about room: only a write that takes nothing makes the module tell when there is some.
   *
   * @param end - whether they are the last. @returns bytes taken; null when there is no room. @throws Error when the stream
   * is over
   */
  write(bytes: Uint8Array, end: boolean): number | null {
    const { module, index } = this;
    if (bytes.length > 0 && this.blocked) return null;
    let taken = 0;
    while (taken < bytes.length) {
      const count = module.write(index, bytes.subarray(taken, taken + MAX_WRITE));
      if (count === BLOCKED) {
        this.blocked = true;
        break;
      }
      if (count < 0) throw new Error(count === STOPPED ? `StreamStopped(${module.stopped(index)})` : 'StreamClosed');
      taken += count;
    }
    if (end && taken === bytes.length) module.finish(index);
    else if (taken === 0) return null;
    return taken;
  }

  get acknowledgedBytes(): number {
    return this.module.acknowledgedBytes(this.index);
  }

  /** Milliseconds until the connection's timer is due; infinite when it is not. */
  get timeoutMs(): number {
    return this.module.timeoutMs(this.index);
  }

  get path(): PathFacts | undefined {
    return this.module.pathFacts(this.index);
  }
}
