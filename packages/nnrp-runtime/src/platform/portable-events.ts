// biome-ignore lint/suspicious/noExplicitAny: what EventEmitter of Node takes for a listener
type Listener = (...args: any[]) => any;

/** What stands in for the EventEmitter of Node.js: its methods, as far as they mean something without Node. */
export class PortableEvents {
  private readonly byEvent = new Map<string | symbol, Listener[]>();
  private maxListeners = 10;

  on(event: string | symbol, listener: Listener): this {
    return this.add(event, listener, false);
  }

  addListener(event: string | symbol, listener: Listener): this {
    return this.add(event, listener, false);
  }

  prependListener(event: string | symbol, listener: Listener): this {
    return this.add(event, listener, true);
  }

  once(event: string | symbol, listener: Listener): this {
    return this.add(event, this.onlyOnce(event, listener), false);
  }

  prependOnceListener(event: string | symbol, listener: Listener): this {
    return this.add(event, this.onlyOnce(event, listener), true);
  }

  off(event: string | symbol, listener: Listener): this {
    return this.removeListener(event, listener);
  }

  /** The newest that is this function, or was made of it. */
  removeListener(event: string | symbol, listener: Listener): this {
    const listeners = this.byEvent.get(event) ?? [];
    let at = listeners.length - 1;
    while (at >= 0 && listeners[at] !== listener && original(listeners[at]) !== listener) at--;
    if (at < 0) return this;
    // A new list: the old one may be walked over at the moment.
    const left = listeners.filter((_, index) => index !== at);
    if (left.length === 0) this.byEvent.delete(event);
    else this.byEvent.set(event, left);
    return this;
  }

  removeAllListeners(event?: string | symbol): this {
    if (event === undefined) this.byEvent.clear();
    else this.byEvent.delete(event);
    return this;
  }

  emit(event: string | symbol, ...args: unknown[]): boolean {
    const listeners = this.byEvent.get(event) ?? [];
    for (const listener of listeners) Reflect.apply(listener, this, args);
    return listeners.length > 0;
  }

  listeners(event: string | symbol): Listener[] {
    return this.rawListeners(event).map(original);
  }

  rawListeners(event: string | symbol): Listener[] {
    return [...(this.byEvent.get(event) ?? [])];
  }

  listenerCount(event: string | symbol): number {
    return this.byEvent.get(event)?.length ?? 0;
  }

  eventNames(): (string | symbol)[] {
    return [...this.byEvent.keys()];
  }

  /** Kept and told again; nothing is warned of. */
  setMaxListeners(count: number): this {
    this.maxListeners = count;
    return this;
  }

  getMaxListeners(): number {
    return this.maxListeners;
  }

  private add(event: string | symbol, listener: Listener, isFirst: boolean): this {
    if (typeof listener !== 'function') throw new TypeError(`the listener of '${String(event)}' must be a function`);
    const listeners = this.byEvent.get(event) ?? [];
    this.byEvent.set(event, isFirst ? [listener, ...listeners] : [...listeners, listener]);
    return this;
  }

  private onlyOnce(event: string | symbol, listener: Listener): Listener {
    const wrapped = (...args: unknown[]): unknown => {
      this.removeListener(event, wrapped);
      return Reflect.apply(listener, this, args);
    };
    return Object.assign(wrapped, { listener });
  }
}

/** What the application has added. */
function original<Added extends Listener | undefined>(added: Added): Listener | Added {
  return (added as { readonly listener?: Listener } | undefined)?.listener ?? added;
}
