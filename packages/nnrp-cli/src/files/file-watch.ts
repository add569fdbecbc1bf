import { type StatsListener, unwatchFile, watchFile } from 'node:fs';

/** Long enough for an editor, or for a copy of certificate and key, to write all files. */
const SETTLE_MS = 100;

/**
 * Tells that one of some files has changed: was written, replaced, or is there again. It looks at the files themselves, since
 * only that finds links that are turned elsewhere, as Kubernetes does, and works on every file system.
 */
export class FileWatch {
  private readonly listeners = new Map<string, StatsListener>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly intervalMs: number,
    private readonly changed: () => void,
  ) {}

  /** Watches these files, and the ones before. */
  add(paths: Iterable<string>): void {
    for (const path of paths) {
      if (this.listeners.has(path)) continue;
      const listener: StatsListener = (now, before) => {
        const isSame = now.mtimeMs === before.mtimeMs && now.size === before.size && now.ino === before.ino;
        // While it is being replaced there is none.
        if (!isSame && now.mtimeMs !== 0) this.settle();
      };
      this.listeners.set(path, listener);
      watchFile(path, { persistent: false, interval: this.intervalMs }, listener);
    }
  }

  close(): void {
    clearTimeout(this.timer);
    for (const [path, listener] of this.listeners) unwatchFile(path, listener);
    this.listeners.clear();
  }

  private settle(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.changed, SETTLE_MS).unref();
  }
}
