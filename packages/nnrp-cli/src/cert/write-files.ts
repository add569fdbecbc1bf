import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
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

/** Of a folder where no file may be made, such as /etc, and of a file that is mounted into a container: nothing takes its place. */
const STAYS = ['EACCES', 'EPERM', 'EROFS', 'EBUSY'];

/**
 * Writes all files, or none. A server that reads one meanwhile finds it as it was before, or whole; where another file cannot take its
 * place it is overwritten.
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
  /** Files that are to be removed when one cannot be written. */
  const made: string[] = [];
  const replacements: [file: OutputFile, replace: () => void][] = [];
  for (const file of files) {
    attempt(file, made, () => {
      const before = force ? statSync(file.path, { throwIfNoEntry: false }) : undefined;
      // Such as /dev/stdout.
      if (before !== undefined && !before.isFile()) return writeFileSync(file.path, file.text);
      if (force) replacements.push([file, replacement(file, before, made)]);
      else writeNew(file.path, file, undefined, made);
    });
  }
  for (const [file, replace] of replacements) attempt(file, made, replace);
}

/** @param before - what is there @returns puts the new one, which is written already, in its place */
function replacement(file: OutputFile, before: Stats | undefined, made: string[]): () => void {
  const target = before === undefined ? file.path : realpathSync(file.path);
  const beside = `${target}.${randomUUID()}`;
  const unlessStays = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      if (before === undefined || !STAYS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return false;
    }
  };
  if (unlessStays(() => writeNew(beside, file, before, made))) {
    return () => {
      if (unlessStays(() => renameSync(beside, target))) return;
      overwrite(target, file);
      rmSync(beside, { force: true });
    };
  }
  // Where that cannot be written either, nothing is replaced.
  closeSync(openSync(target, 'r+'));
  return () => overwrite(target, file);
}

function attempt(file: OutputFile, made: readonly string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    for (const path of made) rmSync(path, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(file);
    throw new Error(`cannot write ${file.path}: ${(error as Error).message}`, { cause: error });
  }
}

function exists({ option, path }: OutputFile): CommandUsageError {
  return new CommandUsageError(`${option} ${path}: the file exists; --force replaces it`);
}

/** @param made - has it from when it is there, as of a full disk there is a part @param before - whose owner it keeps */
function writeNew(path: string, { text, mode }: OutputFile, before: Stats | undefined, made: string[]): void {
  const file = openSync(path, 'wx', mode);
  made.push(path);
  try {
    // Whatever the umask is.
    fchmodSync(file, mode);
    if (before !== undefined) keepOwner(file, before);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}

function overwrite(path: string, { text, mode }: OutputFile): void {
  const file = openSync(path, 'r+');
  try {
    // A key that others could read so far is theirs no more.
    fchmodSync(file, mode);
    ftruncateSync(file);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}

/** Root may have made it for a service. Others cannot give files away. */
function keepOwner(file: number, { uid, gid }: Stats): void {
  try {
    fchownSync(file, uid, gid);
  } catch {
    // It is theirs then.
  }
}
