/** What has not come in time. */
export type SilenceVerdict = 'fine' | 'quiet' | 'idle' | 'unfinished';

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
   * @param held - this side does not read at the moment, so nothing can be said about the peer
   * @param busy - the peer waits for an answer, and need not say anything
   */
  observe(nowMs: number, packetCount: number, unfinishedBytes: number, held: boolean, busy: boolean): SilenceVerdict {
    const { packetTimeoutMs, idleTimeoutMs, keepAliveMs } = this.limits;
    if (packetCount !== this.seenPackets || held) {
      this.seenPackets = packetCount;
      this.lastPacketMs = nowMs;
      this.quietSinceMs = nowMs;
      this.unfinishedSinceMs = nowMs;
    }
    if (unfinishedBytes === 0) this.unfinishedSinceMs = nowMs;
    if (busy) this.lastPacketMs = nowMs;
    if (packetTimeoutMs > 0 && nowMs - this.unfinishedSinceMs >= packetTimeoutMs) return 'unfinished';
    if (idleTimeoutMs > 0 && nowMs - this.lastPacketMs >= idleTimeoutMs) return 'idle';
    if (keepAliveMs > 0 && nowMs - this.quietSinceMs >= keepAliveMs) {
      this.quietSinceMs = nowMs;
      return 'quiet';
    }
    return 'fine';
  }

  /** How often to look, in milliseconds, for limits to be kept within about a quarter; 0 = there is nothing to look for. */
  static intervalMs({ packetTimeoutMs, idleTimeoutMs, keepAliveMs }: SilenceLimits): number {
    const set = [packetTimeoutMs, idleTimeoutMs, keepAliveMs].filter((limit) => limit > 0);
    return set.length === 0 ? 0 : Math.max(5, Math.min(1000, Math.floor(Math.min(...set) / 4)));
  }
}
