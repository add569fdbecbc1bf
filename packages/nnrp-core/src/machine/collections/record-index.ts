import { IdMap } from './id-map.js';

/** What a record index keeps its groups in. */
export interface GroupMap<K, R> {
  readonly size: number;
  get(key: K): Set<R> | undefined;
  set(key: K, group: Set<R>): void;
  delete(key: K): boolean;
  clear(): void;
}

/** Records grouped by a 32-bit id, such as that of their parent. A group that has become empty takes no memory. */
export class RecordIndex<R, K = number> {
  /** Made with the first record: most sessions have no relationships at all. */
  private groups: GroupMap<K, R> | undefined;

  /** @param makeGroups - for keys that are no 32-bit ids */
  constructor(private readonly makeGroups: () => GroupMap<K, R> = idGroups) {}

  /** The records of a group, in the order in which they were added; not a copy. */
  get(key: K): ReadonlySet<R> | undefined {
    // This runs for every frame.
    return this.groups === undefined || this.groups.size === 0 ? undefined : this.groups.get(key);
  }

  add(key: K, record: R): void {
    this.groups ??= this.makeGroups();
    const group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, new Set([record]));
    else group.add(record);
  }

  remove(key: K, record: R): void {
    const group = this.groups?.get(key);
    if (group?.delete(record) && group.size === 0) this.groups?.delete(key);
  }

  /** Forgets a group as a whole. */
  drop(key: K): void {
    this.groups?.delete(key);
  }

  clear(): void {
    this.groups?.clear();
  }
}

function idGroups<K, R>(): GroupMap<K, R> {
  return new IdMap<Set<R>>() as unknown as GroupMap<K, R>;
}
