import { isThenable, settledOnce } from '../thenable.js';
import { SeldomWarning } from '../warn.js';
import { ApplicationContext } from './application-context.js';

/**
 * A function of the application that is told something: called in the async context in which it was handed over, in a
 * copy of its own. What it throws, or its promise rejects with, becomes a warning of the process, one a minute at most as
 * strangers may be the occasion, and reaches no caller.
 *
 * @param name - the option that it was handed over as
 */
export function applicationCallback<Event>(name: string, callback: (event: Event) => unknown): (event: Event) => void {
  const context = new ApplicationContext();
  const warning = new SeldomWarning();
  const failed = (error: unknown) => warning.say(`the function ${name} of the application has failed`, error);
  return (event) => {
    try {
      const outcome = context.run(() => callback(event));
      if (isThenable(outcome)) settledOnce(outcome).then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
}
