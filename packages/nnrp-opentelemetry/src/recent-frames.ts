/** Frames whose end was told are remembered so long that what is said of it afterwards finds them. */
const MOST_FRAMES = 1024;

/** Operations of servers by session and frame, the newest ones: log lines name no more than that. */
export class RecentFrames {
  private readonly frames = new Map<string, object>();

  add(sessionId: number, frameId: number, operation: object): void {
    const key = `${sessionId}/${frameId}`;
    // Behind all others.
    this.frames.delete(key);
    this.frames.set(key, operation);
    if (this.frames.size <= MOST_FRAMES) return;
    const [oldest] = this.frames.keys();
    if (oldest !== undefined) this.frames.delete(oldest);
  }

  find(sessionId: unknown, frameId: unknown): object | undefined {
    return this.frames.get(`${sessionId}/${frameId}`);
  }
}
