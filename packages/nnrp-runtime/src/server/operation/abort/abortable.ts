/** A signal, and what aborts it. An AbortController is one. */
export interface Abortable {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

/** What Node.js calls the properties of a signal. */
interface Names {
  readonly aborted: symbol;
  readonly reason: symbol;
  readonly composite: symbol;
  /** Signals that abort with this one: an iterable of weak references. */
  readonly dependants: symbol;
}

/**
 * Makes signals with a prototype between them and AbortSignal.
 *
 * Node 20 and 22 make a signal by changing the prototype of an EventTarget. Each gets hidden classes of its own by that, which
 * takes 3 us and 0.5 us, and as much again for another prototype. A class whose prototype has AbortSignal's behind it makes the
 * same object in 0.15 us. It needs the symbols of Node.js for the properties of a signal, and finds them by their names. Where
 * there are none, or what it makes does not abort as other signals do, they are made by an AbortController.
 */
export function abortables(prototype: object): () => Abortable {
  const names = namesOfNode();
  const make = names === undefined ? undefined : quickAbortables(prototype, names);
  return make !== undefined && abortsAsOthers(make) ? make : () => plainAbortable(prototype);
}

function plainAbortable(prototype: object): Abortable {
  const controller = new AbortController();
  Object.setPrototypeOf(controller.signal, prototype);
  return controller;
}

/** Undefined where signals are made otherwise, as in Node 24. */
function namesOfNode(): Names | undefined {
  const source = new AbortController().signal;
  // Held until its source has been looked at.
  const derived = AbortSignal.any?.([source, new AbortController().signal]);
  const named = (name: string) =>
    Object.getOwnPropertySymbols(source).find(({ description }) => description === name) as symbol;
  const names = {
    aborted: named('kAborted'),
    reason: named('kReason'),
    composite: named('kComposite'),
    dependants: named('kDependantSignals'),
  };
  return derived !== undefined && Object.values(names).every((name) => name !== undefined) ? names : undefined;
}

type Properties = Record<symbol, unknown>;

function quickAbortables(prototype: object, names: Names): () => Abortable {
  const { aborted, reason, composite, dependants } = names;

  class QuickSignal extends EventTarget {
    constructor() {
      super();
      const properties = this as unknown as Properties;
      properties[aborted] = false;
      properties[reason] = undefined;
      properties[composite] = false;
    }
  }
  // What it has in common with other signals it inherits, its constructor as well.
  Object.setPrototypeOf(QuickSignal.prototype, prototype);
  Reflect.deleteProperty(QuickSignal.prototype, 'constructor');

  class QuickAbortable implements Abortable {
    readonly signal = new QuickSignal() as unknown as AbortSignal;

    /** As a signal aborts that depends on another one, and with it those that depend on it. */
    abort(why: unknown): void {
      const { signal } = this;
      const source = new AbortController();
      const own = (signal as unknown as Properties)[dependants] as Iterable<unknown> | undefined;
      (source.signal as unknown as Properties)[dependants] = new Set([{ deref: () => signal }, ...(own ?? [])]);
      source.abort(why);
    }
  }

  return () => new QuickAbortable();
}

/** Whether Node.js takes what is made for a signal of its own. */
function abortsAsOthers(make: () => Abortable): boolean {
  try {
    // No error: its stack would hold what called here, and Node.js may keep the signals for ever.
    const why = {};
    const abortable = make();
    const { signal } = abortable;
    const derived = AbortSignal.any([signal]);
    const isFresh = !signal.aborted && signal.reason === undefined;
    const seen: boolean[] = [];
    for (const one of [signal, derived]) {
      const listener = ({ type, target, isTrusted }: Event) => {
        seen.push(type === 'abort' && target === one && isTrusted);
      };
      AbortSignal.prototype.addEventListener.call(one, 'abort', listener, { once: true });
    }
    abortable.abort(why);
    const isAborted = [signal, derived].every(({ aborted, reason }) => aborted && reason === why);
    return isFresh && isAborted && seen.length === 2 && seen.every(Boolean);
  } catch {
    return false;
  }
}
