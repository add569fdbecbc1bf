import { errorText, errorWithPlace, writeLine } from './terminal-text.js';

let leave: () => Promise<unknown> = async () => undefined;

/** What is told to others before the process ends because the reader of its output has gone; within a bounded time. */
export function beforeLeaving(tell: () => Promise<unknown>): void {
  leave = tell;
}

/**
 * The last line of defence of a command: an error that no code has handled becomes one line on standard error and exit code 1.
 * A reader of the output that goes away (`| head`) ends the process without a word, and a disk that is full with one. What
 * standard error takes no more is left out: neither a server nor work in progress ends because its log cannot be written.
 */
export function guardProcess(): void {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      leave().then(
        () => process.exit(0),
        () => process.exit(0),
      );
      return;
    }
    end(`cannot write standard output: ${errorText(error)}`);
  });
}

function fail(error: unknown): void {
  end(`internal error: ${errorWithPlace(error)}`);
}

function end(text: string): void {
  writeLine(process.stderr, `nnrp: ${text}`);
  process.exit(1);
}
