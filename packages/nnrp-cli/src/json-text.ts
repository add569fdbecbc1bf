/**
 * A value that JSON.parse gave as JSON again; undefined when it is nested too deeply for that. JSON is read to any depth,
 * but written only as deep as the stack allows.
 */
export function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if ((error as Error).name === 'RangeError') return undefined;
    throw error;
  }
}

/** What is wrong, as JSON that a terminal shows as it is. */
export function errorJson(value: object): string {
  return terminalJson(JSON.stringify(value));
}

/** JSON on one line with escapes for the characters that a terminal would obey, or not show. The values are the same. */
export function terminalJson(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
