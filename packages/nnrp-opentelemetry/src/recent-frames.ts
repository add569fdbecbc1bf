/** Frames whose end was told are remembered so long that what is said of it afterwards finds them. */
const MOST_FRAMES = 1024;

/** What is looked at of an operation of a server. */
interface ServedOperation {
  readonly session: { readonly endReason: unknown };
}

/** Operations of servers by session and frame, the newest ones: log lines name no more than that. */
export class RecentFrames {
  /** Undefined where sessions of several servers have the same id, and each its frame: a line may be about any of them. */
  private readonly frames = new Map<string, object | undefined>();

  add(sessionId: number, frameId: number, operation: object): void {
    const key = `${sessionId}/${frameId}`;
    const isUnsure = this.frames.has(key) && isOfAnother(this.frames.get(key), operation);
    // Behind all others.
    this.frames.delete(key);
    this.frames.set(key, isUnsure ? undefined : operation);
    if (this.frames.size <= MOST_FRAMES) return;
    const [oldest] = this.frames.keys();
    if (oldest !== undefined) this.frames.delete(oldest);
  }

  find(sessionId: unknown, frameId: unknown): object | undefined {
    if (typeof sessionId !== 'number' || typeof frameId !== 'number') return undefined;
    return this.frames.get(`${sessionId}/${frameId}`);
  }
}

/** Whether the known one is of another session, which goes on. A server gives the id of a session that is over to another one. */
function isOfAnother(known: object | undefined, operation: object): boolean {
  if (known === undefined) return true;
  const { session } = known as ServedOperation;
  return session !== (operation as ServedOperation).session && session.endReason === undefined;
}
