import { writeLine } from '../../terminal-text.js';

/**
 * Loads a module. When the process ends meanwhile, standard error says so: a module that calls `process.exit`, or awaits what
 * never comes while nothing else is to be done, ends it without a word.
 */
export async function whileLoading<T>(path: string, load: () => Promise<T>): Promise<T> {
  const ended = (code: number) => {
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
