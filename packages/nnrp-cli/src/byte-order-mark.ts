const BYTE_ORDER_MARK = '\uFEFF';

/** The text without the byte order mark that some editors and shells put in front of it. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
}
