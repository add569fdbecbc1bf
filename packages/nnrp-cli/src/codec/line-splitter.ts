/** A line that was longer than allowed; its bytes are gone. */
export const LINE_TOO_LONG: unique symbol = Symbol('line too long');

/**
 * Cuts a byte stream into lines of UTF-8 text. Holds at most one unfinished line, and not even that once it is longer
 * than allowed.
 */
export class LineSplitter {
  private parts: Buffer[] = [];
  private length = 0;
  private skipping = false;

  constructor(private readonly maxLineBytes: number) {}

  /** The lines that end in this chunk, without their line feed. @param chunk - is kept until its last line is complete */
  *push(chunk: Buffer): Generator<string | typeof LINE_TOO_LONG, void, void> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      if (end < 0) break;
      yield this.finish(chunk, start, end);
      start = end + 1;
    }
    this.keep(chunk.subarray(start));
  }

  /** What follows the last line feed, if anything. */
  end(): string | typeof LINE_TOO_LONG | undefined {
    if (this.length === 0 && !this.skipping) return undefined;
    return this.finish(Buffer.alloc(0), 0, 0);
  }

  private keep(rest: Buffer): void {
    if (rest.length === 0 || this.skipping) return;
    this.parts.push(rest);
    this.length += rest.length;
    if (this.length <= this.maxLineBytes) return;
    this.skipping = true;
    this.parts = [];
    this.length = 0;
  }

  private finish(chunk: Buffer, start: number, end: number): string | typeof LINE_TOO_LONG {
    const tooLong = this.skipping || this.length + end - start > this.maxLineBytes;
    const { parts } = this;
    this.parts = [];
    this.length = 0;
    this.skipping = false;
    if (tooLong) return LINE_TOO_LONG;
    if (parts.length === 0) return chunk.toString('utf8', start, end);
    return Buffer.concat([...parts, chunk.subarray(start, end)]).toString('utf8');
  }
}
