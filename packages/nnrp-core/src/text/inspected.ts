/** Under this name util.inspect, and so console.log, looks for what an object says of itself. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** What util.inspect hands to such a method. */
export type Inspect = (value: unknown, options?: object) => string;

/**
 * What an object says of itself to a reader: its class and a few facts. What else it holds, above all payloads and
 * secrets, is shown at no depth.
 *
 * @param facts - plain values; an undefined one is left out
 * @param inspect - the third argument of the method; absent where something else than util.inspect asks
 */
export function inspected(
  name: string,
  facts: Readonly<Record<string, unknown>>,
  depth: number,
  options: object,
  inspect: Inspect | undefined,
): unknown {
  if (depth < 0) return `[${name}]`;
  const given = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  if (inspect === undefined) return given;
  return `${name} ${inspect(given, options)}`;
}
