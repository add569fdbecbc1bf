#!/usr/bin/env node
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SchemaError } from './diagnostics.js';
import { emitAll, readLayout } from './generate.js';

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
  const folder = join(root, 'spec', revision);
  const names = readdirSync(folder).filter((name) => name.endsWith('.ksy'));
  return emitAll(readLayout(revision, new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))));
}

/** Files in the generated folder that nothing generates any more. */
function stale(revision: string, output: ReadonlyMap<string, string>): string[] {
  const folder = join(root, 'packages/nnrp-core/src/generated', revision);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => relative(root, join(folder, name)))
    .filter((path) => !output.has(path));
}

function main(check: boolean): number {
  const differing: string[] = [];
  let count = 0;
  for (const revision of revisions()) {
    const output = generate(revision);
    count += output.size;
    for (const [path, text] of output) {
      const full = join(root, path);
      if (existsSync(full) && readFileSync(full, 'utf8') === text) continue;
      differing.push(path);
      if (check) continue;
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, text);
    }
    for (const path of stale(revision, output)) {
      differing.push(path);
      if (!check) rmSync(join(root, path));
    }
  }
  if (check && differing.length > 0) {
    console.error(`out of date (run pnpm generate):\n${differing.map((path) => `  ${path}`).join('\n')}`);
    return 1;
  }
  console.log(
    check ? `${count} generated files are up to date` : `${count} generated files, ${differing.length} changed`,
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
