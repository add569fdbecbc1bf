import { InvalidArgumentError } from 'commander';

const MAX_SECONDS = 1_000_000;

/** Of an option: seconds above 0, parts of one included. @throws InvalidArgumentError when it takes something else */
export function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= MAX_SECONDS))
    throw new InvalidArgumentError(`Takes seconds above 0, at most ${MAX_SECONDS}.`);
  return value;
}
