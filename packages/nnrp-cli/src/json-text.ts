/**
 * A value that JSON.parse gave as JSON again; undefined when it is nested too deeply for that. JSON is read to any depth,
 * but written only as deep as the stack allows.
 */
export function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
