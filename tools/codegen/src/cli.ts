#!/usr/bin/env node
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SchemaError } from './diagnostics.js';
import { emitAll, readLayout } from './generate.js';
import { schemaFiles } from './schema-files.js';
import { staleFiles } from './stale-files.js';

/*
 * nnrp-codegen           writes everything that is generated from spec/
 * nnrp-codegen --check   fails when anything checked in differs from what would be written
 */

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

function revisions(): string[] {
  return readdirSync(join(root, 'spec'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, 'spec', entry.name, 'nnrp_enums.ksy')))
    .map((entry) => entry.name)
    .sort();
}

function generate(revision: string): Map<string, string> {
  return emitAll(readLayout(revision, schemaFiles(join(root, 'spec', revision))));
}

/** Removes a file, and the folders that it leaves empty. */
function remove(path: string): void {
  rmSync(join(root, path));
  for (let folder = dirname(path); readdirSync(join(root, folder)).length === 0; folder = dirname(folder)) {
    rmdirSync(join(root, folder));
  }
}

function main(check: boolean): number {
  const differing: string[] = [];
  const output = new Map(revisions().flatMap((revision) => [...generate(revision)]));
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
  process.exitCode = main(process.argv.includes('--check'));
} catch (error) {
  if (!(error instanceof SchemaError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
