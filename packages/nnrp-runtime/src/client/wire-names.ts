/** The name on the wire of a value of an enum, such as server_shutdown; its number when it has none. */
export function wireName(values: Readonly<Record<string, number>>, value: number): string {
  const key = Object.keys(values).find((name) => values[name] === value);
  if (key === undefined) return `0x${value.toString(16).padStart(8, '0')}`;
  return key.replace(/[A-Z]/g, (letter, at: number) => `${at > 0 ? '_' : ''}${letter.toLowerCase()}`);
}
