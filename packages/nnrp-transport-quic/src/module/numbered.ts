/** Numbers for things that the module cannot hold; 0 is none. */
export class Numbered<T> {
  private readonly items: (T | undefined)[] = [undefined];
  private readonly free: number[] = [];

  add(item: T): number {
    const id = this.free.pop() ?? this.items.length;
    this.items[id] = item;
    return id;
  }

  /** @throws Error when there is no such thing */
  get(id: number): T {
    const item = this.items[id];
    if (item === undefined) throw new Error('no such key');
    return item;
  }

  remove(id: number): void {
    if (this.items[id] === undefined) return;
    this.items[id] = undefined;
    this.free.push(id);
  }
}
