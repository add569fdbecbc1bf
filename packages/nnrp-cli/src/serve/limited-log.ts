import type { Writable } from 'node:stream';
import { writeLine } from '../terminal-text.js';

const SECOND_MS = 1000;

/**
 * Writes one line for each event, but no more than some a second: what goes beyond is counted, and the count written
 * when the second is over. A flood of bad peers costs neither the disk nor the event loop.
 */
export class LimitedLog {
  private written = 0;
  private suppressed = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly stream: Writable,
    private readonly linesPerSecond = 20,
  ) {}

  /** @param text - what a terminal would obey is shown as an escape, so it stays one line */
  line(text: string): void {
    this.timer ??= setTimeout(() => this.secondOver(), SECOND_MS).unref();
    if (this.written >= this.linesPerSecond) {
      this.suppressed++;
      return;
    }
    this.written++;
    this.write(text);
  }

  /** Writes the count that is still due. */
  end(): void {
    clearTimeout(this.timer);
    this.secondOver();
  }

  private secondOver(): void {
    this.timer = undefined;
    if (this.suppressed > 0) this.write(`... and ${this.suppressed} more events`);
    this.written = 0;
    this.suppressed = 0;
  }

  private write(text: string): void {
    writeLine(this.stream, text);
  }
}
