/** Objects and lists within each other; JSON.parse reads any number of them, and what walks through them needs a stack. */
const MAX_DEPTH = 1000;

/** A value that JSON.parse gave as JSON again; undefined when it is nested more than a thousand deep. */
export function jsonText(value: unknown): string | undefined {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return undefined;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return JSON.stringify(value);
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
