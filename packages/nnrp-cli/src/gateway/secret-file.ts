import { withoutByteOrderMark } from '../byte-order-mark.js';
import { CommandUsageError } from '../exit-code.js';
import { readSmallFile } from '../files/small-file.js';

const KEY = /^[\x21-\x7e]+$/;

/**
 * The keys in a file, one a line; empty lines, and those that begin with #, are none. They stand in files because every user of the
 * machine can read command lines.
 *
 * @param flag - for the message, which has nothing of the file in it
 * @throws CommandUsageError when it cannot be read, or has no key, or a line that is none
 */
export function readKeys(flag: string, path: string): string[] {
  let text: string;
  try {
    text = withoutByteOrderMark(readSmallFile(path).toString());
  } catch (error) {
    throw new CommandUsageError(`${flag} ${path}: cannot be read: ${(error as Error).message}`);
  }
  const lines = text.split('\n').map((line) => line.trim());
  const wrong = lines.findIndex((line) => line !== '' && !line.startsWith('#') && !KEY.test(line));
  if (wrong >= 0) {
    throw new CommandUsageError(`${flag} ${path}: line ${wrong + 1} takes a key of printable ASCII without spaces`);
  }
  const keys = lines.filter((line) => KEY.test(line) && !line.startsWith('#'));
  if (keys.length === 0) throw new CommandUsageError(`${flag} ${path}: there is no key in it`);
  return keys;
}
