/**
 * Lets contestants take turns, so that all of them meet the same weather; the order is reversed on every other round.
 *
 * @returns the results of each contestant, one per round
 */
export async function takeRounds<C, T>(
  contestants: readonly C[],
  count: number,
  turn: (contestant: C) => Promise<T>,
): Promise<Map<C, T[]>> {
  const turns = new Map<C, T[]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < count; round++) {
    for (const contestant of round % 2 === 0 ? contestants : [...contestants].reverse()) {
      turns.get(contestant)?.push(await turn(contestant));
    }
  }
  return turns;
}
