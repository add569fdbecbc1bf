import { closeSync, constants, existsSync, fchmodSync, ftruncateSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CommandUsageError } from '../exit-code.js';

/** A file that is to be written. */
export interface OutputFile {
  /** The option that names it, for messages. */
  readonly option: string;
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/**
 * Writes all files, or none.
 *
 * @param force - what is there is replaced; else it is refused
 * @throws CommandUsageError when two of them are one, or one is there; an error that names the file that cannot be written
 */
export function writeFiles(files: readonly OutputFile[], force: boolean): void {
  const [first, same] = files.filter(({ path }, _, all) => {
    return all.filter((other) => resolve(other.path) === resolve(path)).length > 1;
  });
  if (first !== undefined && same !== undefined)
    throw new CommandUsageError(`${first.option} and ${same.option} name one file, ${first.path}`);
  const there = force ? undefined : files.find(({ path }) => existsSync(path));
  if (there !== undefined) throw exists(there);
  const written: OutputFile[] = [];
  for (const file of files) {
    try {
      writeOne(file, force);
    } catch (error) {
      // What was there before has been replaced already; what was not there must not stay by itself.
      const wasThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
      // Of this one there may be a part, where the disk is full.
      if (!force) for (const { path } of wasThere ? written : [...written, file]) rmSync(path, { force: true });
      if (wasThere) throw exists(file);
      throw new Error(`cannot write ${file.path}: ${(error as Error).message}`, { cause: error });
    }
    written.push(file);
  }
}

function exists({ option, path }: OutputFile): CommandUsageError {
  return new CommandUsageError(`${option} ${path}: the file exists; --force replaces it`);
}

function writeOne({ path, text, mode }: OutputFile, force: boolean): void {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | (force ? 0 : O_EXCL), mode);
  try {
    // A file that is replaced keeps its mode otherwise, and others could read the key.
    fchmodSync(file, mode);
    ftruncateSync(file);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}
