import { printable, shownValue } from 'nnrp-core';
import type { ServeHandlers } from 'nnrp-runtime';
import { isClass } from 'nnrp-runtime/transport';
import { CommandUsageError } from '../../exit-code.js';

const MAX_NAME_BYTES = 100;

type Handlers = { readonly [Name in keyof ServeHandlers]?: ServeHandlers[Name] | undefined };

/** Every handler there is, in the order of the documentation. */
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

/**
 * The handlers that a module exports: its default export is the handler of submits, or an object of handlers. What is a method
 * stays one: it is called on its object.
 *
 * @param name - of the module, for messages
 * @throws CommandUsageError that says what the module has to export, and what it does
 */
export function handlersOf(exported: unknown, name: string): ServeHandlers {
  const { default: given } = (exported ?? {}) as { readonly default?: unknown };
  const fail = (message: string): never => {
    throw new CommandUsageError(`${name}: ${message}`);
  };
  if (given === undefined)
    return fail(`has no default export: expected a handler of submits, or an object of handlers`);
  if (typeof given === 'function' && !('submit' in given)) {
    if (isClass(given))
      return fail(
        `its default export is a class without a static method submit: export an object of it, new ${given.name || 'Handlers'}()`,
      );
    return { submit: given as ServeHandlers['submit'] };
  }
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null)
    return fail(`its default export is ${shownValue(given)}: expected a handler of submits, or an object of handlers`);
  const object = given as Handlers;
  if (typeof object.submit !== 'function') return fail(`its default export has no handler submit`);
  const handlers: Record<string, unknown> = {};
  for (const key of Object.keys(HANDLERS) as (keyof ServeHandlers)[]) {
    const handler: unknown = object[key];
    if (handler === undefined) continue;
    if (typeof handler !== 'function' || isClass(handler))
      return fail(`the handler ${key} takes a function, got ${isClass(handler) ? 'a class' : shownValue(handler)}`);
    handlers[key] = handler.bind(object);
  }
  const unknown = Object.entries(object).find(([key, value]) => {
    return typeof value === 'function' && !Object.hasOwn(HANDLERS, key) && isPlain(object);
  });
  if (unknown !== undefined)
    return fail(
      `there is no handler '${printable(unknown[0], MAX_NAME_BYTES)}'; there are ${Object.keys(HANDLERS).join(', ')}`,
    );
  return handlers as unknown as ServeHandlers;
}

/** A class may have methods of its own beside its handlers; a function in a plain object is a handler misspelt. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Handlers that change under a server: what begins from now on goes to the new ones. What runs goes on in the old module, which
 * the operation still refers to.
 */
export class CurrentHandlers {
  /** For `NnrpServer.serve`, which looks them up at every call. */
  readonly handlers: ServeHandlers;

  /** @param defaults - in force where a module does not say otherwise */
  constructor(
    first: ServeHandlers,
    private readonly defaults: Partial<ServeHandlers>,
  ) {
    this.handlers = { ...defaults, ...first };
  }

  replace(next: ServeHandlers): void {
    const { handlers, defaults } = this;
    const all: Partial<Record<string, unknown>> = { ...defaults, ...next };
    for (const name of Object.keys(handlers)) if (!Object.hasOwn(all, name)) Reflect.deleteProperty(handlers, name);
    Object.assign(handlers, all);
  }
}
