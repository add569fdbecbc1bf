// Every runtime of JavaScript has these two; the language itself does not declare them.
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array;
  encodeInto(text: string, bytes: Uint8Array): { readonly written: number };
};
declare const TextDecoder: new (
  label?: string,
  options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean },
) => { decode(bytes: Uint8Array, options?: { readonly stream?: boolean }): string };

/** A text in UTF-8. */
export function encodeUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Length of a text in UTF-8. */
export function utf8Length(text: string): number {
  return encodeUtf8(text).length;
}

/** A text in UTF-8, cut between two characters where it is longer. */
export function utf8Prefix(text: string, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(maxBytes, text.length * 3));
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return bytes.subarray(0, written);
}

/** The text behind UTF-8; what is none becomes U+FFFD. @param isCut - of a character that the end goes through nothing is shown */
export function decodeUtf8(bytes: Uint8Array, isCut = false): string {
  return new TextDecoder().decode(bytes, { stream: isCut });
}

/** The text behind UTF-8, a byte order mark included; undefined when it is none. */
export function strictUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
