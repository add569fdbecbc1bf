/** Longer names are not compared: no option has one. */
const MAX_LENGTH = 64;
/** A shorter word is the beginning of too many names. */
const LEAST_BEGINNING = 4;

/** What options are called by other libraries, and here. */
const CALLED: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^time(out|limit)/, ['deadlineMs', 'connectTimeoutMs', 'drainTimeoutMs']],
  [/^abort|^cancel/, ['signal']],
  [/^headers?$/, ['metadata']],
  [/token$|^credentials?$/, ['auth']],
];

/** The known name of what other libraries call so (`timeout` for `deadlineMs`); undefined where there is none. */
export function nameElsewhere(given: string, known: readonly string[]): string | undefined {
  const word = plain(given);
  return CALLED.find(([pattern]) => pattern.test(word))?.[1].find((name) => known.includes(name));
}

/**
 * The known name that was most likely meant: the same in another spelling (`profile_id`, `profileID`), one with a typing
 * mistake in every four characters at most, or the only one that begins with what was given (`timeout` for `timeoutMs`).
 */
export function nearestName(given: string, known: Iterable<string>): string | undefined {
  if (given.length > MAX_LENGTH) return undefined;
  const word = plain(given);
  const names = [...known];
  const same = names.find((name) => plain(name) === word);
  if (same !== undefined) return same;
  let nearest: string | undefined;
  let least = Math.floor(word.length / 4) + 1;
  for (const name of names) {
    const mistakes = distance(word, plain(name), least);
    if (mistakes >= least) continue;
    least = mistakes;
    nearest = name;
  }
  if (nearest !== undefined || word.length < LEAST_BEGINNING) return nearest;
  const longer = names.filter((name) => plain(name).startsWith(word));
  return longer.length === 1 ? longer[0] : undefined;
}

function plain(name: string): string {
  return name.replace(/[_\-\s]/g, '').toLowerCase();
}

/** Characters to leave out, to put in, to replace, or to swap with the next one; `most` when it is that or more. */
function distance(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) >= most) return most;
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let other = 1; other <= to.length; other++) {
      const isSame = from[at - 1] === to[other - 1];
      let least = Math.min(
        (row[other] as number) + 1,
        (next[other - 1] as number) + 1,
        (row[other - 1] as number) + (isSame ? 0 : 1),
      );
      const isSwap = at > 1 && other > 1 && from[at - 1] === to[other - 2] && from[at - 2] === to[other - 1];
      if (isSwap) least = Math.min(least, (before[other - 2] as number) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return Math.min(most, row[to.length] as number);
}
