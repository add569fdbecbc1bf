import { CommandUsageError } from '../exit-code.js';

/** What the demo is asked for. */
export interface DemoOptions {
  /** Over QUIC instead of TCP. */
  readonly quic: boolean;
  /** The text to stream, instead of the demo's own. */
  readonly file?: string;
}

const USAGE = 'usage: npm run demo -- [FILE] [--quic]';

/** Reads the command line of the demo. @throws CommandUsageError on anything but `--quic` and one file, in any order */
export function demoOptions(args: readonly string[]): DemoOptions {
  const options = args.filter((arg) => arg.startsWith('-'));
  const files = args.filter((arg) => !arg.startsWith('-'));
  const unknown = options.find((option) => option !== '--quic');
  if (unknown !== undefined) throw new CommandUsageError(`there is no option '${unknown}'\n${USAGE}`);
  if (files.length > 1) throw new CommandUsageError(`one file at most, got ${files.length}\n${USAGE}`);
  const [file] = files;
  return { quic: options.length > 0, ...(file !== undefined && { file }) };
}
