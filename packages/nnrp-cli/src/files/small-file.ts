import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';

/** More than any configuration, and all the roots of a platform together, come to. */
const MOST_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** How long a pipe may be silent, and how long it may take in all. */
const SILENCE_MS = 10_000;
const WHOLE_MS = 30_000;
const LOOK_MS = 10;

/**
 * Reads what an operator has written: a configuration, a certificate, a key. It may be a pipe, such as `<(command)` or /dev/stdin;
 * whatever it is, it has an end here, in bytes and in time.
 *
 * @param silenceMs - how long a pipe may be silent, while the process does nothing else; 0 in a server that runs: what is there
 * at once is read, and a pipe that was read before has nothing more
 * @throws an error that says why it cannot be read, without the path
 */
export function readSmallFile(path: string, silenceMs = SILENCE_MS): Buffer {
  const file = openWithoutWaiting(path);
  try {
    return readOpenedFile(file, silenceMs);
  } finally {
    closeSync(file);
  }
}

/** Opens for reading. A pipe without a writer would block, and signals would wait with it. */
export function openWithoutWaiting(path: string, flags = 0): number {
  return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | flags);
}

/** The same of a file that is open, see {@link openWithoutWaiting}. */
export function readOpenedFile(file: number, silenceMs = SILENCE_MS): Buffer {
  const stats = fstatSync(file);
  if (stats.isDirectory()) throw new Error('it is a directory');
  if (stats.isFile() && stats.size > MOST_BYTES) throw tooLong(`${stats.size} bytes`);
  const patience = new Patience(stats, silenceMs);
  const chunks: Buffer[] = [];
  for (let bytes = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const count = readNow(file, chunk);
    if (count === 0 && patience.isOver(bytes)) return Buffer.concat(chunks, bytes);
    if (count === 0 || count === undefined) {
      patience.wait();
      continue;
    }
    patience.moved();
    bytes += count;
    if (bytes > MOST_BYTES) throw tooLong('no end up to there');
    chunks.push(chunk.subarray(0, count));
  }
}

/** @returns undefined when there is nothing yet */
function readNow(file: number, chunk: Buffer): number | undefined {
  try {
    return readSync(file, chunk, 0, chunk.length, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/** How long a pipe is waited for. */
class Patience {
  private readonly begunMs = performance.now();
  private movedMs = this.begunMs;

  constructor(
    private readonly stats: Stats,
    private readonly silenceMs: number,
  ) {}

  /** @param bytes - that have come. A pipe without any has no writer yet. */
  isOver(bytes: number): boolean {
    return bytes > 0 || !this.stats.isFIFO();
  }

  moved(): void {
    this.movedMs = performance.now();
    if (this.movedMs - this.begunMs > WHOLE_MS) throw new Error(`its end has not come within ${WHOLE_MS} ms`);
  }

  wait(): void {
    if (this.silenceMs === 0)
      throw new Error('it is a pipe without more to read: a server that runs does not wait for it');
    if (performance.now() - this.movedMs > this.silenceMs)
      throw new Error(`it is a pipe, and nothing has come from it for ${this.silenceMs} ms`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
}

function tooLong(what: string): Error {
  return new Error(`at most ${MOST_BYTES} bytes are read, and it has ${what}`);
}
