import type { NnrpResult } from './nnrp-result.js';
import { ResultStore } from './result-store.js';

/** Chunks that may be held by results which fill little of them, before they are looked through. */
const LEAST_BYTES = 256 * 1024;

/**
 * The chunks of the network that results which wait unread keep alive. A result of 100 bytes may hold 64 KiB: now and then
 * those are moved out of chunks that they fill badly. How often depends on what has arrived, so it costs little per byte.
 */
export class RetainedChunks {
  /** Of the last result, and the memory under them: to ask for that costs more than all the rest. */
  private lastBytes: Uint8Array | undefined;
  private last: ArrayBufferLike | undefined;
  /** Bytes of the chunks that may be held; those that were let go of count until they are looked through. */
  private bytes = 0;
  private lookAt: number;

  /**
   * @param step - bytes of new chunks after which they are looked through
   * @param each - shows every result that waits
   */
  constructor(
    private readonly step: number,
    private readonly each: (visit: (result: NnrpResult) => void) => void,
  ) {
    this.step = Math.max(step, LEAST_BYTES);
    this.lookAt = this.step;
  }

  /** A result waits. */
  add(result: NnrpResult): void {
    const { chunkBytes } = result;
    if (chunkBytes === this.lastBytes) return;
    this.lastBytes = chunkBytes;
    const chunk = chunkBytes.buffer;
    if (chunk === this.last) return;
    this.last = chunk;
    this.bytes += chunk.byteLength;
    if (this.bytes >= this.lookAt) this.lookThrough();
  }

  /** Nothing waits any more. */
  clear(): void {
    this.lastBytes = undefined;
    this.last = undefined;
    this.bytes = 0;
    this.lookAt = this.step;
  }

  private lookThrough(): void {
    const used = new Map<ArrayBufferLike, number>();
    this.each((result) => {
      const chunk = result.chunkBytes.buffer;
      used.set(chunk, (used.get(chunk) ?? 0) + result.byteLength);
    });
    const store = new ResultStore();
    this.each((result) => {
      const chunk = result.chunkBytes.buffer;
      if ((used.get(chunk) ?? 0) * 4 < chunk.byteLength * 3) result.moveTo(store);
    });
    this.bytes = store.byteLength;
    for (const [chunk, bytes] of used) if (bytes * 4 >= chunk.byteLength * 3) this.bytes += chunk.byteLength;
    this.lastBytes = undefined;
    this.last = undefined;
    this.lookAt = this.bytes + this.step;
  }
}
