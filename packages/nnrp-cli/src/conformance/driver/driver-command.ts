import { join } from 'node:path';
import type { Command } from 'commander';
import { printable } from 'nnrp-core';
import type { CliIo } from '../../cli-io.js';
import { ExitCode } from '../../exit-code.js';
import { readSmallFile } from '../../files/small-file.js';
import { errorText, writeLine } from '../../terminal-text.js';
import { readJsonFile, writeJsonFile } from '../json-file.js';
import { PROTOCOL_VERSION } from '../protocol.js';
import { driveClient } from './drive-client.js';
import { driveServer } from './drive-server.js';
import type { DriverOutcome } from './evidence.js';
import { type Credentials, loadCarriers, planRoute } from './route-plan.js';
import { readScenario, type Scenario } from './scenario.js';

interface DriverOptions {
  readonly scenario: string;
  readonly resolvedScenario: string;
  readonly output: string;
  readonly readyOutput: string;
  readonly artifacts: string;
  readonly suiteVersion: string;
  readonly targetName: string;
}

const MAX_MESSAGE_BYTES = 1000;

/** Adds `nnrp conformance-driver`. */
export function addConformanceDriverCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('conformance-driver')
    .description('run one host-route scenario of the public conformance suite of NNRP/1-preview4')
    .requiredOption('--scenario <file>', 'the scenario as the suite has it')
    .requiredOption('--resolved-scenario <file>', 'the same with locators')
    .requiredOption('--output <file>', 'where the result goes')
    .requiredOption('--ready-output <file>', 'where a server says that it listens')
    .requiredOption('--artifacts <folder>', 'where the suite has left certificate and key')
    .requiredOption('--suite-version <version>', 'repeated in the result')
    .requiredOption('--target-name <name>', 'repeated in the result')
    .addHelpText(
      'after',
      `
The suite starts it by itself, as the executable of --host-route-target: a script that calls it with the same arguments. The exit code is 0 once
the result is written, whatever it is.`,
    )
    .action(async (options: DriverOptions) => {
      const scenario = readScenario(
        await readJsonFile(options.scenario, 'a scenario'),
        await readJsonFile(options.resolvedScenario, 'a scenario with locators'),
      );
      const result = await drive(scenario, options);
      await writeJsonFile(options.output, {
        protocol_version: PROTOCOL_VERSION,
        suite_version: options.suiteVersion,
        target_name: options.targetName,
        results: [result],
      });
      const { outcome, message } = result;
      if (outcome !== 'passed') writeLine(io.stderr, `nnrp: ${scenario.id}: ${outcome}: ${message ?? ''}`);
      done(ExitCode.Ok);
    });
}

/** The result of a scenario, as the suite has it. */
interface DriverResult {
  readonly id: string;
  readonly outcome: 'passed' | 'failed';
  readonly terminal: string;
  readonly message?: string;
  readonly route_evidence?: object;
}

async function drive(scenario: Scenario, options: DriverOptions): Promise<DriverResult> {
  const { id, timeoutMs } = scenario;
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new Error(`the scenario has not ended within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    const { terminal, message, evidence } = await driven(scenario, options, limit.signal);
    const outcome = terminal === (scenario.terminal ?? terminal) ? 'passed' : 'failed';
    return { id, outcome, terminal, ...(message && { message: shown(message) }), route_evidence: evidence };
  } catch (error) {
    return { id, outcome: 'failed', terminal: 'error', message: shown(errorText(error)) };
  } finally {
    clearTimeout(timer);
  }
}

async function driven(scenario: Scenario, options: DriverOptions, limit: AbortSignal): Promise<DriverOutcome> {
  await loadCarriers(scenario.routes);
  const credentials = await credentialsIn(options.artifacts);
  const plans = scenario.routes.map((route) => planRoute(route, scenario.applicationEndpoint, credentials));
  if (scenario.role === 'client') return await driveClient(scenario, plans, limit);
  const ready = (listeners: readonly object[]) =>
    writeJsonFile(options.readyOutput, { protocol_version: PROTOCOL_VERSION, scenario_id: scenario.id, listeners });
  return await driveServer(scenario, plans, ready, limit);
}

/** The suite leaves them only where a route is encrypted. */
async function credentialsIn(folder: string): Promise<Credentials | undefined> {
  const read = (name: string) => {
    try {
      return readSmallFile(join(folder, name));
    } catch {
      return undefined;
    }
  };
  const [certificate, privateKey] = [read('server.der'), read('server-key.der')];
  return certificate && privateKey && { certificate, privateKey };
}

function shown(message: string): string {
  return printable(message, MAX_MESSAGE_BYTES);
}
