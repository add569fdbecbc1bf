import { type Guarded, repeatedly } from '../../base/guard.js';
import { AttendedTime, afterReading } from '../../base/time/patience.js';
import { unref } from '../../platform/platform.js';

/** What has not come in time. */
export type SilenceVerdict = 'fine' | 'quiet' | 'silentTooLong' | 'unfinished';

export interface SilenceLimits {
  /** Milliseconds for a packet to arrive once it has begun; 0 = any. */
  readonly packetTimeoutMs: number;
  /** Milliseconds of silence with nothing in progress; 0 = any. */
  readonly idleTimeoutMs: number;
  /** Milliseconds of silence after which a sign of life is asked for; 0 = never. */
  readonly keepAliveMs: number;
}

/**
 * Watches for silence on a connection without a timer per packet: it is looked at now and then, and compares what it
 * sees with what it saw.
 */
export class Silence {
  private seenPackets = -1;
  private lastPacketMs = 0;
  private quietSinceMs = 0;
  private unfinishedSinceMs = 0;

  constructor(private readonly limits: SilenceLimits) {}

  /**
   * @param packetCount - packets received so far
   * @param unfinishedBytes - of a packet that has begun to arrive
   * @param readingPaused - this side does not read at the moment: the peer may have said anything, and is only `quiet`
   * @param busy - the peer waits for an answer, and need not say anything
   */
  observe(
    nowMs: number,
    packetCount: number,
    unfinishedBytes: number,
    readingPaused: boolean,
    busy: boolean,
  ): SilenceVerdict {
    const { packetTimeoutMs, idleTimeoutMs, keepAliveMs } = this.limits;
    if (packetCount !== this.seenPackets) this.quietSinceMs = nowMs;
    if (packetCount !== this.seenPackets || readingPaused) {
      this.seenPackets = packetCount;
      this.lastPacketMs = nowMs;
      this.unfinishedSinceMs = nowMs;
    }
    if (unfinishedBytes === 0) this.unfinishedSinceMs = nowMs;
    if (busy) this.lastPacketMs = nowMs;
    if (packetTimeoutMs > 0 && nowMs - this.unfinishedSinceMs >= packetTimeoutMs) return 'unfinished';
    if (idleTimeoutMs > 0 && nowMs - this.lastPacketMs >= idleTimeoutMs) return 'silentTooLong';
    if (keepAliveMs > 0 && nowMs - this.quietSinceMs >= keepAliveMs) {
      this.quietSinceMs = nowMs;
      return 'quiet';
    }
    return 'fine';
  }
}

/**
 * Calls `look` as often as the limits need it, with a time that stands still while this process does, and after what had
 * come by then has been read.
 *
 * @returns the timer; undefined when there is nothing to look for
 */
export function watchSilence(
  limits: SilenceLimits,
  owner: Guarded,
  look: (nowMs: number) => void,
): NodeJS.Timeout | undefined {
  const everyMs = intervalMs(limits);
  if (everyMs === 0) return undefined;
  const attended = new AttendedTime(everyMs);
  const timer = repeatedly(owner, everyMs, () => {
    const nowMs = attended.look();
    afterReading(owner, () => look(nowMs));
  });
  return unref(timer);
}

/** How often to look, in milliseconds, for limits to be kept within about a quarter; 0 = there is nothing to look for. */
function intervalMs({ packetTimeoutMs, idleTimeoutMs, keepAliveMs }: SilenceLimits): number {
  const set = [packetTimeoutMs, idleTimeoutMs, keepAliveMs].filter((limit) => limit > 0);
  return set.length === 0 ? 0 : Math.max(5, Math.min(1000, Math.floor(Math.min(...set) / 4)));
}
