import { UsageError } from 'nnrp-core';
import { PlatformEvents } from '../../platform/platform.js';
import { unknownName } from '../options.js';
import { isThenable, settledOnce } from '../thenable.js';
import { SeldomWarning } from '../warn.js';
import { ApplicationContext } from './application-context.js';
import { described } from './described.js';

// biome-ignore lint/suspicious/noExplicitAny: what EventEmitter itself takes for a listener
type Listener = (...args: any[]) => any;

/** What Node.js itself listens to: `events.once` and `events.on` wait for an error beside each event. */
const OF_NODE = ['error', 'newListener', 'removeListener'];

class ContextEmitter extends PlatformEvents {
  /** @param names - of the events that there are */
  constructor(private readonly names: readonly string[]) {
    super();
  }

  override on(event: string | symbol, listener: Listener): this {
    this.check(event);
    return super.on(event, inContext(listener));
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    this.check(event);
    return super.prependListener(event, inContext(listener));
  }

  override once(event: string | symbol, listener: Listener): this {
    this.check(event);
    return super.on(event, this.onceInContext(event, listener));
  }

  override prependOnceListener(event: string | symbol, listener: Listener): this {
    this.check(event);
    return super.prependListener(event, this.onceInContext(event, listener));
  }

  /** @throws UsageError on a name that no event has: its listener would never be called */
  private check(event: unknown): void {
    if (typeof event === 'symbol' || [...this.names, ...OF_NODE].includes(event as string)) return;
    throw new UsageError(unknownName('event', String(event), this.names));
  }

  private onceInContext(event: string | symbol, listener: Listener): Listener {
    const wrapped = inContext(listener, () => this.removeListener(event, wrapped));
    return wrapped;
  }
}

/** The listener in the context in which it is added now; `off` and `listeners` know it by itself all the same. */
function inContext(listener: Listener, before?: () => void): Listener {
  // EventEmitter refuses it, in its own words.
  if (typeof listener !== 'function') return listener;
  const context = new ApplicationContext();
  function wrapped(this: unknown, ...args: unknown[]): unknown {
    before?.();
    return context.run(() => Reflect.apply(listener, this, args));
  }
  return Object.assign(wrapped, { listener });
}

type Named<Events, Name extends keyof Events> = Events[Name] extends unknown[]
  ? (...args: Events[Name]) => void
  : never;

/** The methods of an EventEmitter, which it is in Node.js, for events of these names with these arguments. */
export interface ApplicationEvents<Events> {
  on<Name extends keyof Events>(event: Name, listener: Named<Events, Name>): this;
  addListener<Name extends keyof Events>(event: Name, listener: Named<Events, Name>): this;
  prependListener<Name extends keyof Events>(event: Name, listener: Named<Events, Name>): this;
  once<Name extends keyof Events>(event: Name, listener: Named<Events, Name>): this;
  prependOnceListener<Name extends keyof Events>(event: Name, listener: Named<Events, Name>): this;
  off<Name extends keyof Events>(event: Name, listener: Named<Events, Name>): this;
  removeListener<Name extends keyof Events>(event: Name, listener: Named<Events, Name>): this;
  removeAllListeners(event?: keyof Events): this;
  emit<Name extends keyof Events>(event: Name, ...args: Events[Name] extends unknown[] ? Events[Name] : never): boolean;
  listeners<Name extends keyof Events>(event: Name): Named<Events, Name>[];
  rawListeners<Name extends keyof Events>(event: Name): Named<Events, Name>[];
  listenerCount(event: keyof Events): number;
  eventNames(): (string | symbol)[];
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}

/**
 * Events for the application: listeners are called in the async context in which each was added, in a copy of its own.
 * Events are sent by {@link tell}. Names that are not among the given are refused.
 */
export const ApplicationEvents = ContextEmitter as unknown as new <Events>(
  names: readonly (keyof Events & string)[],
) => ApplicationEvents<Events>;

/**
 * Sends an event to the application. What a listener throws, or its promise rejects with, reaches neither the protocol
 * code that reports the event, nor the other listeners, nor the process.
 *
 * @param failed - is told of it; itself an event as a rule, so it must not come back here for its own failure
 */
export function tell<Events extends Record<keyof Events, unknown[]>, Name extends keyof Events & string>(
  emitter: ApplicationEvents<Events>,
  name: Name,
  event: Events[Name][0],
  failed: (error: unknown, listener: string) => void = (error) =>
    warningOf(emitter).say(`a listener of the event '${name}' has failed`, error),
): void {
  const listeners = emitter.rawListeners(name);
  if (listeners.length > 0) described(event);
  for (const listener of listeners) {
    try {
      const outcome: unknown = Reflect.apply(listener, emitter, [event]);
      if (isThenable(outcome)) settledOnce(outcome).then(undefined, (error) => failed(error, name));
    } catch (error) {
      failed(error, name);
    }
  }
}

const warnings = new WeakMap<object, SeldomWarning>();

function warningOf(emitter: object): SeldomWarning {
  let warning = warnings.get(emitter);
  if (warning === undefined) {
    warning = new SeldomWarning();
    warnings.set(emitter, warning);
  }
  return warning;
}
