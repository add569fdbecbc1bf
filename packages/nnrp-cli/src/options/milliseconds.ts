import { InvalidArgumentError } from 'commander';

/** Of an option: whole milliseconds, as many as 32 bits hold. @throws InvalidArgumentError when it takes something else */
export function milliseconds(text: string): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value > 0xffffffff) throw new InvalidArgumentError('Takes whole milliseconds.');
  return value;
}
