import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runVectors } from '../preview4/run-vectors.js';
import { readPreview4Vectors } from '../preview4/vector-file.js';
import { lineOf, linesOfVectors, reportOf, summaryOf } from './report.js';
import { lineOfAdapter, runAdapterPlan } from './run-adapter-plan.js';
import { runCases } from './run-cases.js';

/**
 * Runs the cases of the public baseline, those of the adapter suite of preview4 and its vectors that are no byte strings, prints
 * tables, and writes the report.
 */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const USAGE = 'usage: pnpm conformance [--only BEGINNING-OF-IDS] [--vectors FILE] [--json FILE]';

function parseOptions(args: readonly string[]) {
  const options = {
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    vectors: { type: 'string' },
  } as const;
  try {
    return parseArgs({ args: args.filter((argument) => argument !== '--'), options }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const values = parseOptions(process.argv.slice(2));
console.log('NNRP/1-preview3\noutcome      s  checks        time  case');
const results = await runCases({ only: values.only, onResult: (result) => console.log(lineOf(result)) });
console.log('\nNNRP/1-preview4\noutcome      s  case');
const preview4 = await runAdapterPlan(values.only);
for (const result of preview4) console.log(lineOfAdapter(result));
const given =
  values.vectors === undefined ? undefined : resolve(process.env['INIT_CWD'] ?? process.cwd(), values.vectors);
const vectors = await runVectors(readPreview4Vectors(given), values.only);
console.log('\nNNRP/1-preview4: vectors');
for (const line of linesOfVectors(vectors)) console.log(line);
const file =
  values.json === undefined
    ? resolve(ROOT, '.reports', 'conformance.json')
    : resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify({ ...reportOf(results), preview4, preview4Vectors: vectors }, undefined, 2)}\n`);
console.log(`\nreport: ${file}`);
const passed = preview4.filter(({ outcome }) => outcome === 'pass').length;
const isNone = results.length + preview4.length + vectors.length === 0;
if (isNone) console.error(`no case has an id that begins with '${values.only}'`);
if (results.length > 0) console.log(summaryOf(results));
console.log(`preview4: ${passed} of ${preview4.length} cases pass`);
const hasFailed = [...results, ...vectors].some(({ outcome }) => outcome === 'fail');
process.exitCode = isNone || passed < preview4.length || hasFailed ? 1 : 0;
