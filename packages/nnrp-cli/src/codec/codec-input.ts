import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { withoutByteOrderMark } from '../byte-order-mark.js';
import { beginsLikeUpgrade } from '../capture/http-header.js';
import type { CliIo } from '../cli-io.js';
import { inputChunks, readFully } from '../cli-io.js';
import { CommandUsageError } from '../exit-code.js';
import { formatHex } from '../json/hex.js';
import { isCaptureFile } from '../pcap/capture-file.js';

/** Hex of the largest packet that is worth looking at by eye, and a long capture: bytes become hex, and V8 has no longer text. */
const MAX_INPUT_BYTES = 128 * 1024 * 1024;
/** As many as tell a capture of a network from all else. */
const MAGIC_BYTES = 4;
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

/** Standard input or a file, looked at without being read to its end. */
export interface PeekedInput {
  /** The chunks of a pcap or pcapng file; undefined when it is none. */
  readonly capture: AsyncIterable<Buffer> | undefined;
  /** Where standard input can be read from its beginning. */
  readonly io: CliIo;
}

/** Whether the input is a capture of a network, which may be larger than what is held. Arguments are none. */
export async function networkCapture(
  io: CliIo,
  args: readonly string[],
  file: string | undefined,
): Promise<PeekedInput | undefined> {
  const isInput = file === undefined && args.length === 1 && args[0] === '-';
  if (!isInput && (file === undefined || args.length > 0)) return undefined;
  const chunks = inputChunks(file === undefined ? io.stdin : createReadStream(file));
  const first: Buffer[] = [];
  try {
    while (first.reduce((sum, { length }) => sum + length, 0) < MAGIC_BYTES) {
      const { done, value } = await chunks.next();
      if (done) break;
      first.push(value);
    }
  } catch (error) {
    if (file === undefined) throw error;
    // It is read once more, and the reason is said there.
    return undefined;
  }
  const start = Buffer.concat(first);
  const whole = joined(start, chunks);
  if (isCaptureFile(start)) return { capture: whole, io };
  if (file === undefined) return { capture: undefined, io: { ...streamsOf(io), stdin: Readable.from(whole) } };
  await chunks.return?.();
  return undefined;
}

function streamsOf({ stdout, stderr }: CliIo): Omit<CliIo, 'stdin'> {
  return { stdout, stderr };
}

async function* joined(start: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  if (start.length > 0) yield start;
  yield* rest;
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
