import type { Command } from 'commander';
import type { CliIo } from '../../cli-io.js';
import { CommandUsageError, ExitCode } from '../../exit-code.js';
import { writeLine } from '../../terminal-text.js';
import { readJsonFile, writeJsonFile } from '../json-file.js';
import { readAdapterPlan } from './adapter-plan.js';
import { runCases } from './run-cases.js';

interface AdapterOptions {
  readonly plan?: string;
  readonly output?: string;
}

/** Adds `nnrp conformance-adapter`. */
export function addConformanceAdapterCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('conformance-adapter')
    .description('run cases of the public conformance suite of NNRP/1-preview4: codecs and semantics')
    .option('--plan <file>', 'the plan of the suite (default: NNRP_CONFORMANCE_ADAPTER_PLAN)')
    .option('--output <file>', 'where the results go (default: NNRP_CONFORMANCE_ADAPTER_RESULTS)')
    .addHelpText(
      'after',
      `
Each case of the plan gets a result: pass, fail with the assertion that does not hold, or error when it is not known. The exit code
is 0 when the results are written, whatever they are: the suite judges them.

Example:
  $ nnrp conformance-adapter --plan adapter-plan.json --output adapter-results.json`,
    )
    .action(async (options: AdapterOptions) => {
      const plan = given(options.plan, 'NNRP_CONFORMANCE_ADAPTER_PLAN', '--plan');
      const output = given(options.output, 'NNRP_CONFORMANCE_ADAPTER_RESULTS', '--output');
      const report = await runCases(readAdapterPlan(await readJsonFile(plan, 'a plan of the suite'), plan));
      await writeJsonFile(output, report);
      const passed = report.results.filter(({ outcome }) => outcome === 'pass').length;
      writeLine(io.stdout, `${passed} of ${report.results.length} cases pass; results in ${output}`);
      for (const { id, outcome, message = '' } of report.results)
        if (outcome !== 'pass') writeLine(io.stderr, `nnrp: ${id}: ${outcome}: ${message}`);
      done(ExitCode.Ok);
    });
}

function given(option: string | undefined, variable: string, name: string): string {
  const value = option ?? process.env[variable] ?? '';
  if (value === '') throw new CommandUsageError(`${name} is missing, and ${variable} is not set`);
  return value;
}
