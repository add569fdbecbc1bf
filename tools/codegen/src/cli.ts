#!/usr/bin/env node
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SchemaError } from './diagnostics.js';
import { emitAll, readLayeredLayout } from './generate.js';
import { readLayers, revisionsIn } from './schema-layers.js';
import { staleFiles } from './stale-files.js';
import { standaloneSchemas } from './standalone-schemas.js';

/*
 * nnrp-codegen           writes everything that is generated from spec/
 * nnrp-codegen --check   fails when anything checked in differs from what would be written
 * nnrp-codegen --schemas REVISION FOLDER   writes the schemas of a revision as files that need no other folder
 */

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const spec = join(root, 'spec');

function generate(revision: string): Map<string, string> {
  return emitAll(readLayeredLayout(readLayers(spec, revision)));
}

/** Removes a file, and the folders that it leaves empty. */
function remove(path: string): void {
  rmSync(join(root, path));
  for (let folder = dirname(path); readdirSync(join(root, folder)).length === 0; folder = dirname(folder)) {
    rmdirSync(join(root, folder));
  }
}

/** Writes plain Kaitai files, for compilers that know nothing of layers. */
function writeSchemas(revision: string, folder: string): number {
  if (!revisionsIn(spec).includes(revision)) {
    console.error(`there is no revision '${revision}': expected one of ${revisionsIn(spec).join(', ')}`);
    return 2;
  }
  const files = standaloneSchemas(readLayers(spec, revision));
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  console.log(`${files.size} schemas of ${revision} in ${folder}`);
  return 0;
}

function main(check: boolean): number {
  const differing: string[] = [];
  const output = new Map(revisionsIn(spec).flatMap((revision) => [...generate(revision)]));
  for (const [path, text] of output) {
    const full = join(root, path);
    if (existsSync(full) && readFileSync(full, 'utf8') === text) continue;
    differing.push(path);
    if (check) continue;
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }
  for (const path of staleFiles(root, new Set(output.keys()))) {
    differing.push(`${path} (no revision makes it)`);
    if (!check) remove(path);
  }
  if (check && differing.length > 0) {
    console.error(`out of date (run pnpm generate):\n${differing.map((path) => `  ${path}`).join('\n')}`);
    return 1;
  }
  console.log(
    check
      ? `${output.size} generated files are up to date`
      : `${output.size} generated files, ${differing.length} changed`,
  );
  return 0;
}

try {
  const [option, revision = '', folder = '.'] = process.argv.slice(2);
  process.exitCode = option === '--schemas' ? writeSchemas(revision, folder) : main(option === '--check');
} catch (error) {
  if (!(error instanceof SchemaError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
