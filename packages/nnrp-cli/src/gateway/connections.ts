import { InvalidArgumentError } from 'commander';

const MOST = 65_536;

/** Of an option: how many connections. @throws InvalidArgumentError when it takes something else */
export function connections(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < 1 || value > MOST)
    throw new InvalidArgumentError(`Takes an integer of 1 to ${MOST}.`);
  return value;
}
