import { type OperationContext, type ServeHandlers, type SubmitOutcome, UsageError } from 'nnrp-runtime';
import { handlersOf } from 'nnrp-runtime/calls';

/** Runs work on an operation where its span is the active one. */
export type Within = <Result>(operation: object, work: () => Result) => Result;

/** The same handlers, or the one of submits, whose work on a submit runs inside its span: also what a generator does between two results. */
export function tracedHandlers(given: ServeHandlers | ServeHandlers['submit'], within: Within): ServeHandlers {
  const handlers = handlersOf(given);
  if (typeof handlers?.submit !== 'function')
    throw new UsageError('handlers takes an object of handlers with submit, as serve does');
  const traced: ServeHandlers = Object.create(handlers);
  return Object.assign(traced, {
    submit: (operation: OperationContext): SubmitOutcome => {
      const outcome = within(operation, () => handlers.submit(operation));
      return isGenerator(outcome) ? tracedGenerator(outcome, (work) => within(operation, work)) : outcome;
    },
  });
}

type AnyGenerator = Generator<never, never, never> | AsyncGenerator<never, never, never>;

function isGenerator(value: unknown): value is AnyGenerator {
  if (typeof value !== 'object' || value === null) return false;
  const { next, return: leave } = value as Partial<AnyGenerator>;
  const isIterable = Symbol.asyncIterator in value || Symbol.iterator in value;
  return typeof next === 'function' && typeof leave === 'function' && isIterable;
}

/** Each step of a generator runs in the context of the code that asks for it. */
function tracedGenerator(generator: AnyGenerator, within: <Result>(work: () => Result) => Result): never {
  const traced = {
    next: (value: never) => within(() => generator.next(value)),
    return: (value: never) => within(() => generator.return(value)),
    throw: (error: unknown) => within(() => generator.throw(error)),
    [Symbol.asyncIterator in generator ? Symbol.asyncIterator : Symbol.iterator]: () => traced,
  };
  return traced as never;
}
