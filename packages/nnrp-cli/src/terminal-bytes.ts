import { printable } from 'nnrp-core';

/** Line ends and tabs stay what they are: they hide nothing. A carriage return alone would write over the line. */
const LAYOUT = /(\r?\n|\t)/;

/**
 * The bytes of a peer as text for a terminal, piece by piece: what a terminal obeys, or a reader cannot see, is shown as
 * escapes such as `\x1b`, and what is no UTF-8 as U+FFFD. Nothing is left out, however long a line is.
 */
export class TerminalBytes {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** A carriage return at the end of a piece: the next one may begin with its line feed. */
  private held = '';

  /** The text of the next piece; a character that ends in a later piece comes with that. */
  next(bytes: Uint8Array): string {
    const text = this.held + this.decoder.decode(bytes, { stream: true });
    this.held = text.endsWith('\r') ? '\r' : '';
    return harmless(this.held === '' ? text : text.slice(0, -1));
  }

  /** What is left of the last piece. */
  end(): string {
    const text = this.held + this.decoder.decode();
    this.held = '';
    return harmless(text);
  }
}

function harmless(text: string): string {
  const parts = text.split(LAYOUT);
  return parts.map((part, index) => (index % 2 === 1 ? part : printable(part, Number.POSITIVE_INFINITY))).join('');
}
