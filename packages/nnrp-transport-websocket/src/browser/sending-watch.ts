/**
 * Whether a platform takes what it is given to send. Only time in which looks were made counts: a page in the background is
 * asked once a second or a minute, and a machine that slept not at all.
 */
export class SendingWatch {
  private handed = 0;
  private taken = 0;
  private lookedMs = 0;
  private silentMs = 0;

  /** @param intervalMs - between two looks, in milliseconds */
  constructor(private readonly intervalMs: number) {}

  /** So many bytes were given to it. */
  gave(bytes: number): void {
    this.handed += bytes;
  }

  /** Begins anew. @param waitingBytes - that it has not taken */
  begin(nowMs: number, waitingBytes: number): void {
    this.taken = this.handed - waitingBytes;
    this.lookedMs = nowMs;
    this.silentMs = 0;
  }

  /** @returns milliseconds in which it was watched and has taken nothing */
  look(nowMs: number, waitingBytes: number): number {
    const taken = this.handed - waitingBytes;
    // Two looks are late by a little as a rule.
    this.silentMs = taken > this.taken ? 0 : this.silentMs + Math.min(nowMs - this.lookedMs, this.intervalMs * 2);
    this.taken = taken;
    this.lookedMs = nowMs;
    return this.silentMs;
  }
}
