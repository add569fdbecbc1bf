import type { RevisionName } from 'nnrp-runtime';
import { decodeCapture, isCapture } from '../capture/decode-capture.js';
import { type CliIo, writeFully } from '../cli-io.js';
import { ExitCode } from '../exit-code.js';
import { parseHex } from '../json/hex.js';
import { isRequestError } from '../json/request-error.js';
import { terminalJson } from '../json-text.js';
import { writeLine } from '../terminal-text.js';
import type { DecodedItem } from './decode-packets.js';

const FLUSH_CHARACTERS = 64 * 1024;

/** The bytes of a hex text that begins as a capture of WebSocket does; undefined for any other. */
export function captureOf(text: string): Uint8Array | undefined {
  try {
    const bytes = parseHex(text);
    return isCapture(bytes) ? bytes : undefined;
  } catch (error) {
    // What is no hex is refused as a packet would be.
    if (isRequestError(error)) return undefined;
    throw error;
  }
}

/** A line for each header and each frame of a capture. */
export function printCapture(
  io: CliIo,
  capture: Uint8Array,
  options: { readonly names: boolean; readonly pretty: boolean; readonly revision: RevisionName | undefined },
): Promise<ExitCode> {
  const { names, pretty, revision } = options;
  return printItems(io, decodeCapture(capture, names, revision), pretty);
}

/** Prints a line for each item, and the first problem on standard error. */
export async function printItems(
  io: CliIo,
  items: Iterable<DecodedItem> | AsyncIterable<DecodedItem>,
  pretty: boolean,
): Promise<ExitCode> {
  let lines = '';
  let problems = 0;
  let firstProblem = '';
  for await (const { json, problem } of items) {
    if (problem !== undefined && problems++ === 0) firstProblem = problem;
    const text = JSON.stringify(json, undefined, pretty ? 2 : undefined);
    lines += `${pretty ? text.split('\n').map(terminalJson).join('\n') : terminalJson(text)}\n`;
    if (lines.length < FLUSH_CHARACTERS) continue;
    await writeFully(io.stdout, lines);
    lines = '';
  }
  await writeFully(io.stdout, lines);
  if (problems === 0) return ExitCode.Ok;
  writeLine(io.stderr, `nnrp: ${firstProblem}${problems > 1 ? `; ${problems - 1} more` : ''}`);
  return ExitCode.Failed;
}
