import { InvalidArgumentError } from 'commander';

/** Of an option: a whole number of `least` to `most`. @throws InvalidArgumentError (when called) when it takes something else */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,10}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Takes a whole number of ${least} to ${most}.`);
  };
}
