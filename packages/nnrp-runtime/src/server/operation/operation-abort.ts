import { isThenable, settledOnce } from '../../base/thenable.js';
import { type AsyncContext, currentContext } from '../../platform/platform.js';

type Listening = [type: string, listener: unknown, ...more: unknown[]];
type Listen = (this: AbortSignal, ...args: Listening) => void;
type Handler = (this: unknown, event: unknown) => unknown;

/**
 * The signal of one operation. What ends work may be a packet of its client, or a call of the application: so each
 * listener is called in the async context in which it was added, whatever store its handler had entered by then. Signals
 * that the application derives from this one (`AbortSignal.any`) abort in the context in which it was first asked for.
 *
 * What a listener throws, or its promise rejects with, is reported: an EventTarget would make an uncaught exception of it,
 * and so each client could end the process by giving work up.
 */
export class OperationAbort {
  private readonly controller = new AbortController();
  private readonly context = currentContext();
  /** By listener; one that captures is another registration. They keep no listener alive that was removed. */
  private readonly bound = new WeakMap<object, Handler>();
  private readonly capturing = new WeakMap<object, Handler>();
  /** What was assigned to `onabort`, and what listens for it. */
  private assigned: unknown = null;
  private listening: Handler | undefined = undefined;

  /** @param failed - is told what a listener has thrown */
  constructor(private readonly failed: (error: unknown) => void) {
    const { signal } = this.controller;
    const add = signal.addEventListener as Listen;
    const remove = signal.removeEventListener as Listen;
    signal.addEventListener = (...[type, listener, ...more]: Listening) =>
      add.call(signal, type, type === 'abort' ? this.bind(listener, more[0]) : listener, ...more);
    signal.removeEventListener = (...[type, listener, ...more]: Listening) =>
      remove.call(signal, type, type === 'abort' ? this.unbind(listener, more[0]) : listener, ...more);
    Object.defineProperty(signal, 'onabort', {
      configurable: true,
      enumerable: true,
      get: () => this.assigned,
      set: (listener: unknown) => {
        if (this.listening !== undefined) remove.call(signal, 'abort', this.listening);
        this.assigned = isListener(listener) ? listener : null;
        this.listening = typeof listener === 'function' ? this.inContext(currentContext(), listener) : undefined;
        if (this.listening !== undefined) add.call(signal, 'abort', this.listening);
      },
    });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    this.context.runInAsyncScope(this.controller.abort, this.controller, reason);
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
    const { failed } = this;
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
    return (isObject ? (options as AddEventListenerOptions).capture : options) ? this.capturing : this.bound;
  }
}

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
