import { shownValue, UsageError } from 'nnrp-core';
import { unknownName } from '../../base/options.js';
import type { ServeHandlers } from './serve-handlers.js';

/** Every handler there is. */
const HANDLERS: Readonly<Record<keyof ServeHandlers, true>> = {
  submit: true,
  session: true,
  ended: true,
  cancel: true,
  patch: true,
  migrate: true,
  cache: true,
  close: true,
  event: true,
};

/** The text of a class begins so; that of a method with the name `class` goes on with what it takes. */
const CLASS = /^class(?:\s*\{|\s+[^\s(])/;

/**
 * The handlers that an application has given: a function alone is that of submits, unless it has handlers of its own, as a class
 * with static methods has. They are not checked.
 */
export function handlersOf(given: ServeHandlers | ServeHandlers['submit']): ServeHandlers {
  return typeof given === 'function' && !('submit' in given) ? { submit: given } : (given as ServeHandlers);
}

/**
 * The handlers of a server, see {@link handlersOf}.
 *
 * @throws UsageError that names the handler
 */
export function givenHandlers(given: ServeHandlers | ServeHandlers['submit']): ServeHandlers {
  // It could not be called, and each client would be told that the handler has failed.
  if (isClass(given) && !('submit' in given))
    throw new UsageError(
      'serve: got a class without a static method submit: make an object of it, serve(new Handlers())',
    );
  const handlers = handlersOf(given);
  checkHandlers(handlers);
  return handlers;
}

/**
 * Finds handlers that would never be called, or could not be called, before a client is the first to notice. A class may have
 * methods of its own beside its handlers; a function under another name in a plain object is a handler misspelt.
 *
 * @throws UsageError that names the handler
 */
function checkHandlers(handlers: ServeHandlers): void {
  checkSpelling(handlers);
  if (typeof handlers?.submit !== 'function')
    throw new UsageError('serve: needs a handler submit, such as serve({ submit: (operation) => operation.body })');
  for (const name of Object.keys(HANDLERS) as (keyof ServeHandlers)[]) {
    const handler: unknown = handlers[name];
    if (handler === undefined || (typeof handler === 'function' && !isClass(handler))) continue;
    const got = typeof handler === 'function' ? 'a class' : shownValue(handler);
    throw new UsageError(`serve: the handler ${name} takes a function, got ${got}`);
  }
}

/** Whether it is a class, which cannot be called. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && CLASS.test(Function.prototype.toString.call(value));
}

function checkSpelling(handlers: ServeHandlers): void {
  if (typeof handlers !== 'object' || handlers === null || !isPlain(handlers)) return;
  for (const [name, handler] of Object.entries(handlers)) {
    if (typeof handler === 'function' && !Object.hasOwn(HANDLERS, name))
      throw new UsageError(`serve: ${unknownName('handler', name, Object.keys(HANDLERS))}`);
  }
}

/** Also an object of another realm. */
function isPlain(handlers: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(handlers);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
