import { isThenable, settledOnce } from '../../../base/thenable.js';
import { type AsyncContext, currentContext } from '../../../platform/platform.js';
import { type Abortable, abortables } from './abortable.js';

type Listening = [type: string, listener: unknown, ...more: unknown[]];
type Listen = (this: AbortSignal, ...args: Listening) => void;
type Handler = (this: unknown, event: unknown) => unknown;

/** Is told what a listener of the signal has thrown. */
export interface AbortOwner {
  listenerFailed(error: unknown): void;
}

/**
 * The signal of one operation. What ends work may be a packet of its client, or a call of the application: so each
 * listener is called in the async context in which it was added, whatever store its handler had entered by then. Signals
 * that the application derives from this one (`AbortSignal.any`) abort in the context in which it was first asked for.
 *
 * What a listener throws, or its promise rejects with, is reported: an EventTarget would make an uncaught exception of it,
 * and so each client could end the process by giving work up.
 *
 * A handler that takes `signal` makes one for each operation, and most are never listened to. So what differs from other
 * signals stands in one prototype between them and AbortSignal, and what listeners need is made for the first of them.
 */
export class OperationAbort {
  private readonly abortable: Abortable;
  private readonly context = currentContext();
  /** By listener; one that captures is another registration. They keep no listener alive that was removed. */
  private bound: WeakMap<object, Handler> | undefined = undefined;
  private capturing: WeakMap<object, Handler> | undefined = undefined;
  /** What was assigned to `onabort`, and what listens for it. */
  private assigned: unknown = null;
  private listening: Handler | undefined = undefined;

  constructor(private readonly owner: AbortOwner) {
    makeAbortable ??= abortables(SIGNAL);
    this.abortable = makeAbortable();
    new Owned(this.abortable.signal, this);
  }

  get signal(): AbortSignal {
    return this.abortable.signal;
  }

  abort(reason: unknown): void {
    this.context.runInAsyncScope(this.abortable.abort, this.abortable, reason);
  }

  add([type, listener, ...more]: Listening): void {
    const { signal } = this;
    PLAIN.addEventListener.call(signal, type, type === 'abort' ? this.bind(listener, more[0]) : listener, ...more);
  }

  remove([type, listener, ...more]: Listening): void {
    const { signal } = this;
    PLAIN.removeEventListener.call(signal, type, type === 'abort' ? this.unbind(listener, more[0]) : listener, ...more);
  }

  get onabort(): unknown {
    return this.assigned;
  }

  set onabort(listener: unknown) {
    const { signal } = this;
    if (this.listening !== undefined) PLAIN.removeEventListener.call(signal, 'abort', this.listening);
    this.assigned = isListener(listener) ? listener : null;
    this.listening = typeof listener === 'function' ? this.inContext(currentContext(), listener) : undefined;
    if (this.listening !== undefined) PLAIN.addEventListener.call(signal, 'abort', this.listening);
  }

  /** The same for the same listener: the signal takes each only once. What is no listener is for the signal to refuse. */
  private bind(listener: unknown, options: unknown): unknown {
    if (!isListener(listener)) return listener;
    const bound = this.boundBy(options);
    let handler = bound.get(listener);
    if (handler === undefined) {
      handler = this.inContext(currentContext(), listener);
      bound.set(listener, handler);
    }
    return handler;
  }

  /** Added again, it may be in another context. */
  private unbind(listener: unknown, options: unknown): unknown {
    if (!isListener(listener)) return listener;
    const bound = this.boundBy(options);
    const handler = bound.get(listener);
    bound.delete(listener);
    return handler ?? listener;
  }

  private inContext(context: AsyncContext, listener: object): Handler {
    const { owner } = this;
    const failed = (error: unknown) => owner.listenerFailed(error);
    return function (event) {
      try {
        const outcome = context.runInAsyncScope(call, this, listener, event);
        if (isThenable(outcome)) settledOnce(outcome).then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    };
  }

  private boundBy(options: unknown): WeakMap<object, Handler> {
    const isObject = typeof options === 'object' && options !== null;
    if (isObject ? (options as AddEventListenerOptions).capture : options) {
      this.capturing ??= new WeakMap();
      return this.capturing;
    }
    this.bound ??= new WeakMap();
    return this.bound;
  }
}

/** Gives what it is given, so that a class derived from it can lay a private field on an object that others have made. */
class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is what it is for
    return object;
  }
}

/** Ties a signal to its operation, by a field that only this class can read. */
class Owned extends Given {
  readonly #abort: OperationAbort;

  constructor(signal: AbortSignal, abort: OperationAbort) {
    super(signal);
    this.#abort = abort;
  }

  /** @throws TypeError for an object that only looks like a signal of an operation */
  static abortOf(signal: object): OperationAbort {
    return (signal as Owned).#abort;
  }
}

const PLAIN = AbortSignal.prototype as unknown as Record<'addEventListener' | 'removeEventListener', Listen>;

/** What the signals of operations do in another way than others. Their constructor is AbortSignal. */
const SIGNAL: object = Object.create(AbortSignal.prototype, {
  addEventListener: {
    configurable: true,
    writable: true,
    enumerable: true,
    value: function addEventListener(this: object, ...args: Listening) {
      Owned.abortOf(this).add(args);
    },
  },
  removeEventListener: {
    configurable: true,
    writable: true,
    enumerable: true,
    value: function removeEventListener(this: object, ...args: Listening) {
      Owned.abortOf(this).remove(args);
    },
  },
  onabort: {
    configurable: true,
    enumerable: true,
    get(this: object): unknown {
      return Owned.abortOf(this).onabort;
    },
    set(this: object, listener: unknown) {
      Owned.abortOf(this).onabort = listener;
    },
  },
});

/** Known when the first signal is made. */
let makeAbortable: (() => Abortable) | undefined;

function isListener(listener: unknown): listener is object {
  return typeof listener === 'function' || (typeof listener === 'object' && listener !== null);
}

function call(this: unknown, listener: object, event: unknown): unknown {
  if (typeof listener === 'function') return Reflect.apply(listener, this, [event]);
  return (listener as Partial<EventListenerObject>).handleEvent?.(event as Event);
}

interface AddEventListenerOptions {
  readonly capture?: unknown;
}

interface EventListenerObject {
  handleEvent(event: Event): unknown;
}
