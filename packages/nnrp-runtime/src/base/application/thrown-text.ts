/** What was thrown, as text; anything may be thrown, also what cannot be turned into text. */
function thrownText(thrown: unknown, otherwise: string): string {
  try {
    return String(thrown);
  } catch {
    return otherwise;
  }
}

/** What an error says of itself, or what was thrown instead of one. */
export function messageOf(thrown: unknown, otherwise: string): string {
  try {
    const { message } = thrown as { message?: unknown };
    return typeof message === 'string' ? message : String(thrown);
  } catch {
    return thrownText(thrown, otherwise);
  }
}

/** Why something broke, in the words of the error; it may say anything, and nothing. */
export function brokenBy(thrown: unknown): string {
  const text = thrown === undefined || thrown === null ? '' : messageOf(thrown, '');
  return text === '' ? 'no reason was given' : text;
}
