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

/** Everything until the end of the stream. */
export async function readFully(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
