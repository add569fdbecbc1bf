/** What was thrown, as text; anything may be thrown, also what cannot be turned into text. */
export function thrownText(thrown: unknown, otherwise: string): string {
  try {
    return String(thrown);
  } catch {
    return otherwise;
  }
}
