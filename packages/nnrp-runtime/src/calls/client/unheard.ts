import { ignoreRejection } from '../../base/promises/settled.js';

/**
 * A generator of results that is stepped by hand: what fails later rejects a step only for callers that await it, as of every other
 * promise of this package. The methods of a generator are its prototype's, so these stand in front of them.
 */
export function unheard<Steps extends AsyncGenerator<unknown, unknown, void>>(steps: Steps): Steps {
  const next = steps.next.bind(steps);
  const leave = steps.return.bind(steps);
  const fail = steps.throw.bind(steps);
  return Object.assign(steps, {
    next: () => ignoreRejection(next()),
    return: (value: never) => ignoreRejection(leave(value)),
    throw: (error: unknown) => ignoreRejection(fail(error)),
  });
}
