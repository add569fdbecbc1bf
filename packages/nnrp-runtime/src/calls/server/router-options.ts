import { type OptionTable, optionTable } from '../../base/option-kinds.js';
import { type Kept, readValues } from '../../base/options.js';
import type { ServeHandlers } from '../../server/serve/serve-handlers.js';
import type { ServerInterceptor } from './incoming-call.js';

/** What a router is told; what is left out, or undefined, has its default. */
export interface RouterOptions {
  /** What stands around each handler, the first one outermost; default none. */
  readonly interceptors?: readonly ServerInterceptor[] | undefined;
  /** Takes the submits that are no calls; default none: they are refused with the code `not_a_call`. */
  readonly otherwise?: ServeHandlers['submit'] | undefined;
}

const isFunction = (value: unknown) => typeof value === 'function';
const OPTIONS: OptionTable = optionTable<RouterOptions>({
  interceptors: {
    takes: 'a list of functions',
    fits: (value) => Array.isArray(value) && value.every(isFunction),
    shown: (value) => (Array.isArray(value) ? 'a list of something else' : typeof value),
  },
  otherwise: { takes: 'a function', fits: isFunction, shown: (value) => typeof value },
});

/** @throws UsageError on an option that does not exist or fit */
export function routerOptions(options: RouterOptions | undefined): Kept<RouterOptions> {
  return readValues('router options', options, OPTIONS);
}
