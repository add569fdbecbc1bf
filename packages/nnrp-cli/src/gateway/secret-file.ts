import { withoutByteOrderMark } from '../byte-order-mark.js';
import { CommandUsageError } from '../exit-code.js';
import { readSmallFile } from '../files/small-file.js';

const KEY = /^[\x21-\x7e]+$/;
const HEADER = /^([\w!#$%&'*+.^`|~-]+): *([\x20-\x7e]*)$/;

/**
 * The keys in a file, one a line; empty lines, and those that begin with #, are none. They stand in files because every user of the
 * machine can read command lines.
 *
 * @param flag - for the message, which has nothing of the file in it
 * @param silenceMs - see {@link readSmallFile}
 * @throws CommandUsageError when it cannot be read, or has no key, or a line that is none
 */
export function readKeys(flag: string, path: string, silenceMs?: number): string[] {
  const lines = readLines(flag, path, silenceMs);
  const wrong = lines.findIndex((line) => line !== '' && !line.startsWith('#') && !KEY.test(line));
  if (wrong >= 0) {
    throw new CommandUsageError(`${flag} ${path}: line ${wrong + 1} takes a key of printable ASCII without spaces`);
  }
  const keys = lines.filter((line) => KEY.test(line) && !line.startsWith('#'));
  if (keys.length === 0) throw new CommandUsageError(`${flag} ${path}: there is no key in it`);
  return keys;
}

/**
 * The headers in a file, one a line, such as `api-key: SECRET`; empty lines, and those that begin with #, are none.
 *
 * @param flag - for the message, which has nothing of the file in it
 * @param silenceMs - see {@link readSmallFile}
 * @throws CommandUsageError when it cannot be read, or has a line that is none
 */
export function readHeaders(flag: string, path: string, silenceMs?: number): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [index, line] of readLines(flag, path, silenceMs).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new CommandUsageError(
        `${flag} ${path}: line ${index + 1} takes a header, as NAME: TEXT in printable ASCII`,
      );
    if (headers.has(name.toLowerCase()))
      throw new CommandUsageError(`${flag} ${path}: line ${index + 1} has a header again`);
    headers.set(name.toLowerCase(), value);
  }
  return Object.fromEntries(headers);
}

function readLines(flag: string, path: string, silenceMs?: number): string[] {
  try {
    const text = withoutByteOrderMark(readSmallFile(path, silenceMs).toString());
    return text.split('\n').map((line) => line.trim());
  } catch (error) {
    throw new CommandUsageError(`${flag} ${path}: cannot be read: ${(error as Error).message}`);
  }
}
