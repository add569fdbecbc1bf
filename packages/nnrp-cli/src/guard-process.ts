import { errorText, writeLine } from './terminal-text.js';

/**
 * The last line of defence of a command: whatever was not handled becomes one line on standard error and exit code 1,
 * and a reader that goes away (`| head`) ends the process without a word.
 */
export function guardProcess(): void {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      fail(error);
    });
  }
}

function fail(error: unknown): void {
  writeLine(process.stderr, `nnrp: internal error: ${errorText(error)}`);
  process.exit(1);
}
