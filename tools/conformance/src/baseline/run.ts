import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lineOf, reportOf, summaryOf } from './report.js';
import { runCases } from './run-cases.js';

/** Runs the cases of the public baseline, prints the table, and writes the report. */
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
console.log('outcome      s  checks        time  case');
const results = await runCases({ only: values.only, onResult: (result) => console.log(lineOf(result)) });
const file =
  values.json === undefined
    ? resolve(ROOT, '.reports', 'conformance.json')
    : resolve(process.env['INIT_CWD'] ?? process.cwd(), values.json);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(reportOf(results), undefined, 2)}\n`);
console.log(`\nreport: ${file}`);
if (results.length === 0) console.error(`no case has an id that begins with '${values.only}'`);
console.log(summaryOf(results));
process.exitCode = results.length === 0 || results.some(({ outcome }) => outcome === 'fail') ? 1 : 0;
