/** Records grouped by a number, such as the id of their parent. A group that has become empty takes no memory. */
export class RecordIndex<R> {
  /** Made with the first record: most sessions have no relationships at all. */
  private groups: Map<number, Set<R>> | undefined;

  /** The records of a group, in the order in which they were added; not a copy. */
  get(key: number): ReadonlySet<R> | undefined {
    // This runs for every frame.
    return this.groups === undefined || this.groups.size === 0 ? undefined : this.groups.get(key);
  }

  add(key: number, record: R): void {
    this.groups ??= new Map();
    const group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, new Set([record]));
    else group.add(record);
  }

  remove(key: number, record: R): void {
    const group = this.groups?.get(key);
    if (group?.delete(record) && group.size === 0) this.groups?.delete(key);
  }

  /** Forgets a group as a whole. */
  drop(key: number): void {
    this.groups?.delete(key);
  }

  clear(): void {
    this.groups?.clear();
  }
}
