import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { schemaFiles } from './schema-files.js';

/**
 * The schemas of a revision, laid over those of an earlier one: what a revision does not have is the base's, and an
 * enumeration that stands in both has the values of both.
 */
export interface SchemaLayers {
  readonly revision: string;
  /** Path below the revision's own folder (such as session_open.ksy) to text. */
  readonly files: ReadonlyMap<string, string>;
  readonly base?: SchemaLayers;
  /** Paths of the base that the revision does not have. */
  readonly removes?: readonly string[];
}

/** One schema of a revision, wherever it comes from. */
export interface LayeredFile {
  /** Revision in whose folder it lies. */
  readonly revision: string;
  readonly text: string;
}

/** The file that all layers have, and whose entries are merged instead of replaced. */
export const ENUM_FILE = 'nnrp_enums.ksy';
const REVISION_FILE = 'revision.json';

/** Names of the revisions below a folder such as spec/, earlier ones first. */
export function revisionsIn(spec: string): string[] {
  return readdirSync(spec, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(spec, entry.name, ENUM_FILE)))
    .map((entry) => entry.name)
    .sort();
}

/**
 * Reads a revision and what it is laid over.
 *
 * @throws Error when its revision.json is not `{ "base": NAME, "removes": [PATH] }`, or leads in a circle
 */
export function readLayers(spec: string, revision: string, above: readonly string[] = []): SchemaLayers {
  const place = `spec/${revision}/${REVISION_FILE}`;
  if (above.includes(revision)) throw new Error(`${place}: ${[...above, revision].join(' is laid over ')}`);
  const files = schemaFiles(join(spec, revision));
  const path = join(spec, revision, REVISION_FILE);
  if (!existsSync(path)) return { revision, files };
  const { base, removes = [], ...others } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const isList = Array.isArray(removes) && removes.every((name) => typeof name === 'string');
  if (typeof base !== 'string' || !isList || Object.keys(others).length > 0) {
    throw new Error(`${place}: expected { "base": the name of a revision, "removes": a list of schema files }`);
  }
  if (!existsSync(join(spec, base, ENUM_FILE))) throw new Error(`${place}: there is no revision spec/${base}`);
  return { revision, files, base: readLayers(spec, base, [...above, revision]), removes };
}

/** Every schema of a revision but the enumerations, by path. */
export function layeredFiles(layers: SchemaLayers): Map<string, LayeredFile> {
  const found = layers.base === undefined ? new Map<string, LayeredFile>() : layeredFiles(layers.base);
  for (const path of layers.removes ?? []) found.delete(path);
  for (const [path, text] of layers.files) found.set(path, { revision: layers.revision, text });
  found.delete(ENUM_FILE);
  return found;
}

/** The enumerations of each layer, the base first. */
export function layeredEnums(layers: SchemaLayers): LayeredFile[] {
  const text = layers.files.get(ENUM_FILE);
  const below = layers.base === undefined ? [] : layeredEnums(layers.base);
  return text === undefined ? below : [...below, { revision: layers.revision, text }];
}
