import type { Duplex } from 'node:stream';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { type Guarded, later, repeatedly } from '../../base/guard.js';
import { unref } from '../../platform/platform.js';

/** When the first bytes of the next packet are sent ahead, in milliseconds after the peer has ended its direction. */
const AHEAD_AT_MS = [0, 20, 1000, 10_000];
const LOOK_MS = 1000;

/** A socket, or what looks like one. */
interface SocketLike extends Duplex {
  /** Of TLS. */
  readonly encrypted?: boolean;
  setKeepAlive(enable: boolean, initialDelayMs: number): unknown;
}

/**
 * Finds out that a peer is gone which has ended its direction.
 *
 * The system of a process that has died goes on answering keep-alive probes for a minute, and answers nothing but data with
 * a reset. So the first bytes of the next packet, which are always the same, are sent before there is one: a peer that
 * lives sees no other bytes than it would see without. Node does not look at a socket any more whose other direction has
 * ended, so a reset is seen by the next write only, if it writes no bytes at all.
 */
export class DeadPeer {
  private timers: NodeJS.Timeout[] = [];

  /** @param sendAhead - sends the next byte of the next packet, unless a packet is on its way */
  constructor(
    private readonly stream: Duplex,
    private readonly sendAhead: () => void,
    private readonly owner: Guarded,
  ) {}

  watch(): void {
    const { stream, owner } = this;
    // Any other stream has an end of its own, and says so.
    if (!isSocket(stream) || this.timers.length > 0) return;
    stream.setKeepAlive(true, LOOK_MS);
    for (const delayMs of AHEAD_AT_MS) this.timers.push(later(owner, delayMs, this.sendAhead));
    // Sockets of TLS on Deno fail on an empty write: there the next answer finds out.
    if (stream.encrypted !== true || !('Deno' in globalThis)) {
      const look = () => {
        if (stream.writable && stream.writableLength === 0) stream.write(EMPTY_BYTES);
      };
      this.timers.push(repeatedly(owner, LOOK_MS, look));
    }
    for (const timer of this.timers) unref(timer);
  }

  end(): void {
    for (const timer of this.timers.splice(0)) clearTimeout(timer);
  }
}

function isSocket(stream: Duplex): stream is SocketLike {
  return typeof (stream as Partial<SocketLike>).setKeepAlive === 'function';
}
