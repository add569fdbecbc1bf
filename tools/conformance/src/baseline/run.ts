import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lineOf, reportOf, summaryOf } from './report.js';
import { lineOfAdapter, runAdapterPlan } from './run-adapter-plan.js';
import { runCases } from './run-cases.js';

/** Runs the cases of the public baseline and of the adapter suite of preview4, prints tables, and writes the report. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const USAGE = 'usage: pnpm conformance [--only BEGINNING-OF-IDS] [--json FILE]';

function parseOptions(args: readonly string[]) {
  const options = { only: { type: 'string', default: '' }, json: { type: 'string' } } as const;
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
const file =
  values.json === undefined
    ? resolve(ROOT, '.reports', 'conformance.json')
    : resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify({ ...reportOf(results), preview4 }, undefined, 2)}\n`);
console.log(`\nreport: ${file}`);
const passed = preview4.filter(({ outcome }) => outcome === 'pass').length;
const isNone = results.length + preview4.length === 0;
if (isNone) console.error(`no case has an id that begins with '${values.only}'`);
if (results.length > 0) console.log(summaryOf(results));
console.log(`preview4: ${passed} of ${preview4.length} cases pass`);
process.exitCode = isNone || passed < preview4.length || results.some(({ outcome }) => outcome === 'fail') ? 1 : 0;
