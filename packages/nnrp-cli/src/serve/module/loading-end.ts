import { ExitCode } from '../../exit-code.js';
import { writeLine } from '../../terminal-text.js';

/**
 * Loads a module. When the process ends meanwhile, standard error says so: a module that calls `process.exit`, or awaits what
 * never comes while nothing else is to be done, ends it without a word.
 */
export async function whileLoading<T>(path: string, load: () => Promise<T>): Promise<T> {
  const ended = (given: number) => {
    // Of a wait without an end Node.js says 13 here, and 0 to its listeners.
    const code = process.exitCode ?? given;
    // Nothing was served. The exit code must not say that a server has ended in order.
    if (Number(code) === 0) process.exitCode = ExitCode.Usage;
    writeLine(
      process.stderr,
      `nnrp: ${path}: the process ends with code ${code} while it is loaded: it has called process.exit, or awaits what never comes`,
    );
  };
  process.on('exit', ended);
  try {
    return await load();
  } finally {
    process.off('exit', ended);
  }
}
