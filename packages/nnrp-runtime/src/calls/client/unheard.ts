import { ignoreRejection } from '../../base/promises/settled.js';

/**
 * A generator of results that is stepped by hand: what fails later rejects a step only for callers that await it, as of every other
 * promise of this package. The methods of a generator are its prototype's, so these stand in front of them.
 *
 * @param left - called when it is left before its first step, where a generator runs nothing of its own
 */
export function unheard<Steps extends AsyncGenerator<unknown, unknown, void>>(
  steps: Steps,
  left?: () => unknown,
): Steps {
  const next = steps.next.bind(steps);
  const leave = steps.return.bind(steps);
  const fail = steps.throw.bind(steps);
  let notBegun = left;
  const begin = () => {
    notBegun = undefined;
  };
  const end = () => {
    notBegun?.();
    begin();
  };
  return Object.assign(steps, {
    next: () => {
      begin();
      return ignoreRejection(next());
    },
    return: (value: never) => {
      end();
      return ignoreRejection(leave(value));
    },
    throw: (error: unknown) => {
      end();
      return ignoreRejection(fail(error));
    },
  });
}
