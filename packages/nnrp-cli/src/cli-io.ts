import { fstatSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

/** A stream that may be a terminal. */
export type TerminalStream = Writable & { readonly isTTY?: boolean };

/** Where a command reads and writes; the process's own streams unless a test says otherwise. */
export interface CliIo {
  readonly stdin: Readable;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
}

/**
 * Writes and waits until the stream takes more.
 *
 * @throws (as a rejection) what the stream fails with, or an error when it is closed first
 */
export function writeFully(stream: Writable, data: string | Uint8Array): Promise<void> {
  if (stream.write(data)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      stream.off('drain', drained).off('error', settle).off('close', closed);
      if (error === undefined) resolve();
      else reject(error);
    };
    const drained = () => settle();
    const closed = () => settle(new Error('the output was closed'));
    stream.on('drain', drained).on('error', settle).on('close', closed);
  });
}

/**
 * The bytes of an input stream as they come. Reads on only when asked to.
 *
 * @throws (as a rejection) an error that says why standard input cannot be read, also when it is a directory
 */
export async function* inputChunks(stream: Readable): AsyncGenerator<Buffer, void, void> {
  // Node shows a directory on standard input as an empty stream, which would pass for no input.
  if ((stream as { readonly fd?: unknown }).fd === 0 && fstatSync(0).isDirectory()) {
    throw new Error('cannot read standard input: it is a directory');
  }
  const chunks = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((error: Error) => {
        throw new Error(`cannot read standard input: ${error.message}`, { cause: error });
      });
      if (done) return;
      yield Buffer.isBuffer(value) ? value : Buffer.from(value);
    }
  } finally {
    await chunks.return?.();
  }
}

/**
 * Everything until the end of an input stream.
 *
 * @param maxBytes - that are taken; more is an error
 * @throws (as a rejection) what {@link inputChunks} does, and an error when there are more bytes
 */
export async function readFully(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of inputChunks(stream)) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the input has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
