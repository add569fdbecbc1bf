import type { Writable } from 'node:stream';
import { writeFully } from '../cli-io.js';

const FULL_BYTES = 64 * 1024;

/** Writes many small pieces: those of one turn of the event loop go out together, at its end. */
export class TurnWriter {
  private pieces: Uint8Array[] = [];
  private bytes = 0;
  private armed = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly stream: Writable) {}

  /** @param bytes - must not be changed any more. @returns resolves when there is room for more */
  async write(bytes: Uint8Array): Promise<void> {
    this.pieces.push(bytes);
    this.bytes += bytes.length;
    if (this.bytes >= FULL_BYTES) await this.flush();
    else this.arm();
  }

  /** Writes what waits. */
  flush(): Promise<void> {
    const pieces = this.pieces;
    this.pieces = [];
    this.bytes = 0;
    if (pieces.length > 0) this.writing = this.writing.then(() => writeFully(this.stream, Buffer.concat(pieces)));
    return this.writing;
  }

  private arm(): void {
    if (this.armed) return;
    this.armed = true;
    setImmediate(() => {
      this.armed = false;
      // The next write or flush reports a failure.
      this.flush().catch(() => {});
    });
  }
}
