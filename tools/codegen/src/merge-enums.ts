import type { Diagnostics } from './diagnostics.js';
import type { KsyEnum, KsyFile } from './read-ksy.js';

/**
 * Lays one file of enumerations over another: an enumeration of both has the values of both, by value, and where both
 * have one, that of `upper` counts. What `upper` only repeats is reported, so that no copy is left behind.
 */
export function mergeEnums(lower: KsyFile, upper: KsyFile, diagnostics: Diagnostics): KsyFile {
  for (const id of upper.removes) {
    if (!lower.enums.some((entry) => entry.id === id)) diagnostics.report(upper.at, `removes: no enum '${id}' below`);
  }
  const kept = lower.enums.filter(({ id }) => !upper.removes.includes(id));
  const laidOver = kept.map((entry) => {
    const over = upper.enums.find(({ id }) => id === entry.id);
    return over === undefined ? entry : mergeValues(entry, over, diagnostics);
  });
  const added = upper.enums.filter(({ id }) => !kept.some((entry) => entry.id === id));
  const ids = new Set([...laidOver, ...added].map(({ id }) => id));
  const sets = new Set([...lower.flagSets.filter((id) => ids.has(id)), ...upper.flagSets]);
  return { ...upper, enums: [...laidOver, ...added], flagSets: [...sets] };
}

function mergeValues(lower: KsyEnum, upper: KsyEnum, diagnostics: Diagnostics): KsyEnum {
  const merged = new Map(lower.values.map((value) => [value.value, value]));
  for (const value of upper.values) {
    const below = merged.get(value.value);
    if (below !== undefined && sameText(below, value)) {
      diagnostics.report(value.at, `enum ${upper.id}: '${value.id}' is as below: leave it out`);
    }
    merged.set(value.value, value);
  }
  return { ...upper, values: [...merged.values()].sort((one, other) => one.value - other.value) };
}

function sameText(one: KsyEnum['values'][number], other: KsyEnum['values'][number]): boolean {
  const text = ({ id, doc, message }: KsyEnum['values'][number]) => JSON.stringify([id, doc, message]);
  return text(one) === text(other);
}
