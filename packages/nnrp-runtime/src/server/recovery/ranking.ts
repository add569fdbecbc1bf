/** Items by whole numbers, which change in small steps: the highest is found without a walk over all. */
export class Ranking<T> {
  private readonly byRank = new Map<number, Set<T>>();
  private readonly ranks = new Map<T, number>();
  private highest = 0;

  /** One of those with the highest rank: the one that has had it longest. */
  get first(): T | undefined {
    while (this.highest > 0 && !this.byRank.has(this.highest)) this.highest--;
    for (const item of this.byRank.get(this.highest) ?? []) return item;
    return undefined;
  }

  /** @param rank - a whole number, not below 0 */
  set(item: T, rank: number): void {
    if (this.ranks.get(item) === rank) return;
    this.delete(item);
    this.ranks.set(item, rank);
    const same = this.byRank.get(rank);
    if (same === undefined) this.byRank.set(rank, new Set([item]));
    else same.add(item);
    this.highest = Math.max(this.highest, rank);
  }

  delete(item: T): void {
    const rank = this.ranks.get(item);
    if (rank === undefined) return;
    this.ranks.delete(item);
    const same = this.byRank.get(rank);
    same?.delete(item);
    if (same?.size === 0) this.byRank.delete(rank);
  }
}
