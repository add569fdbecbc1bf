import { createReadStream } from 'node:fs';
import { withoutByteOrderMark } from '../byte-order-mark.js';
import { beginsLikeUpgrade } from '../capture/http-header.js';
import type { CliIo } from '../cli-io.js';
import { readFully } from '../cli-io.js';
import { CommandUsageError } from '../exit-code.js';
import { formatHex } from '../json/hex.js';

/** Hex of the largest packet that is worth looking at by eye, and a long capture: bytes become hex, and V8 has no longer text. */
const MAX_INPUT_BYTES = 128 * 1024 * 1024;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * What a command is given: its arguments, standard input for `-`, or a file.
 *
 * @throws (as a rejection) CommandUsageError when it is given none, or two; an error when it cannot be read
 */
export async function readInput(
  io: CliIo,
  op: 'decode' | 'encode',
  args: readonly string[],
  file: string | undefined,
): Promise<string> {
  if (file !== undefined && args.length > 0) throw new CommandUsageError('give bytes or --file, not both');
  const isStream = file !== undefined || (args.length === 1 && args[0] === '-');
  if (!isStream) {
    if (args.length === 0) throw new CommandUsageError(`nothing to ${op}; add --help for examples`);
    return args.join(' ');
  }
  const bytes = file === undefined ? await readFully(io.stdin, MAX_INPUT_BYTES) : await readFile(file);
  const isHex = op === 'decode' && !isText(bytes);
  return isHex ? formatHex(bytes) : withoutByteOrderMark(bytes.toString('utf8'));
}

async function readFile(path: string): Promise<Buffer> {
  try {
    return await readFully(createReadStream(path), MAX_INPUT_BYTES);
  } catch (error) {
    const why = (error as Error).message.replace('cannot read standard input: ', '');
    throw new Error(`cannot read ${path}: ${why}`, { cause: error });
  }
}

/** Packets and frames have bytes that no text has; the header of an upgrade has none, but is no hex either. */
function isText(bytes: Uint8Array): boolean {
  if (beginsLikeUpgrade(bytes)) return false;
  const start = BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte) ? BYTE_ORDER_MARK.length : 0;
  return bytes.every((byte, index) => index < start || (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13));
}
