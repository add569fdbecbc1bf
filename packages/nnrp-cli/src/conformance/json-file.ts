import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withoutByteOrderMark } from '../byte-order-mark.js';
import { readSmallFile } from '../files/small-file.js';
import { isJsonObject, type JsonObject } from '../json/json-object.js';
import { errorText } from '../terminal-text.js';

/** A file of the suite is missing, or says something else than it should; the message names the file. */
export class SuiteFileError extends Error {
  override readonly name = 'SuiteFileError';
}

/** Reads a file that holds one JSON object. @throws SuiteFileError */
export async function readJsonFile(path: string, what: string): Promise<JsonObject> {
  let value: unknown;
  try {
    value = JSON.parse(withoutByteOrderMark(readSmallFile(path).toString()));
  } catch (error) {
    throw new SuiteFileError(`cannot read ${what} from ${path}: ${errorText(error)}`);
  }
  if (!isJsonObject(value)) throw new SuiteFileError(`${path}: expected ${what} as a JSON object`);
  return value;
}

/** Writes a file whole: a process that waits for its name never reads a part. Folders are made. */
export async function writeJsonFile(path: string, value: object): Promise<void> {
  const unfinished = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(unfinished, `${JSON.stringify(value, undefined, 2)}\n`);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw new SuiteFileError(`cannot write ${path}: ${errorText(error)}`);
  }
}

/** A member that must be text, and not empty. @throws SuiteFileError */
export function textMember(object: JsonObject, name: string, where: string): string {
  const value = object[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new SuiteFileError(`${where}: ${name}: expected a text`);
}

/** A member that must be a list of objects. @throws SuiteFileError */
export function listMember(object: JsonObject, name: string, where: string): readonly JsonObject[] {
  const value = object[name];
  if (Array.isArray(value) && value.every(isJsonObject)) return value as JsonObject[];
  throw new SuiteFileError(`${where}: ${name}: expected a list of objects`);
}

/** @throws SuiteFileError unless the file is for this revision */
export function requireProtocol(object: JsonObject, protocol: string, where: string): void {
  const value = textMember(object, 'protocol_version', where);
  if (value === protocol) return;
  throw new SuiteFileError(`${where}: protocol_version: expected ${protocol}, got ${value.slice(0, 40)}`);
}
