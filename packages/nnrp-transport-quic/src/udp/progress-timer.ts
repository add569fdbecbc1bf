import { aside, type Guarded } from 'nnrp-runtime/transport';

/** Calls when nothing has moved for a while. Does not keep the process alive. */
export class ProgressTimer {
  private timer: NodeJS.Timeout | undefined;
  private movedMs = 0;

  constructor(private readonly owner: Guarded) {}

  /** Something has moved. */
  moved(): void {
    this.movedMs = performance.now();
  }

  /** Watches from now on; what it did before no longer counts. @param timeoutMs - 0 = not at all */
  watch(timeoutMs: number, callback: () => void): void {
    this.clear();
    if (timeoutMs <= 0) return;
    this.moved();
    this.wait(timeoutMs, timeoutMs, callback);
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private wait(timeoutMs: number, leftMs: number, callback: () => void): void {
    this.timer = aside(this.owner, leftMs, () => {
      const left = this.movedMs + timeoutMs - performance.now();
      if (left <= 0) callback();
      else this.wait(timeoutMs, Math.ceil(left), callback);
    });
  }
}
