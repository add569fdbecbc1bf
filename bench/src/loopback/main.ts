import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Choice, type Options as OptionsOf, parseOptions, usage } from '../options.js';
import { profileSummary } from './profile-summary.js';
import { type Outcome, type Plan, runScenario } from './referee.js';
import { goalLines, judge, scenarioTable, type Verdict } from './report.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import { DESCRIPTIONS, SYSTEM_NAMES, type SystemName, takesPart } from './systems.js';

/*
 * NNRP over loopback TCP against raw sockets and against what users would pick instead. Each system has a server and a
 * client process; systems take turns in one run, because absolute figures drift on a shared machine and ratios within
 * one run do not.
 */

type Options = OptionsOf<SystemName>;

const CHOICE: Choice<SystemName> = {
  benchmark: 'loopback',
  scenarios: SCENARIOS.map(({ name }) => name),
  systems: SYSTEM_NAMES,
  turns: 5,
  turnMs: 1000,
};

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args, CHOICE);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage(CHOICE)}`);
    return 2;
  }
  const { quick, turns, turnMs, profile } = options;
  const plan: Plan = {
    turns,
    turnMs,
    warmMs: quick ? 100 : 4000,
    ...(profile === undefined ? {} : { profiles: profile }),
  };
  if (profile !== undefined) mkdirSync(profile, { recursive: true });

  const { systems } = options;
  head(options);
  const results = new Map<Scenario, Outcome[]>();
  for (const scenario of SCENARIOS.filter(({ name }) => options.only.includes(name))) {
    const contestants = systems.filter((system) => takesPart(system, scenario));
    if (contestants.length === 0) continue;
    const outcomes = await runScenario(scenario, contestants, plan);
    results.set(scenario, outcomes);
    console.log(`\n${scenario.name}: ${scenario.title}\n`);
    console.log(scenarioTable(scenario, outcomes));
    if (profile !== undefined) profiles(profile, scenario.name);
  }
  const verdicts = judge(results, options.systems);
  console.log(`\n${goalLines(verdicts).join('\n')}`);
  if (options.json !== undefined) writeFileSync(options.json, json(options, results, verdicts));
  return 0;
}

function head({ systems, turns, turnMs }: Options): void {
  const cores = availableParallelism();
  console.log(`Node ${process.version}, ${cores} cores, loopback TCP; medians of ${turns} turns of ${turnMs} ms`);
  console.log('CPU us: microseconds of CPU time per operation of each process; ratios are to raw, of the same round\n');
  for (const system of systems) console.log(`${system.padEnd(15)}${DESCRIPTIONS[system]}`);
}

function profiles(folder: string, scenario: string): void {
  for (const file of readdirSync(folder).sort()) {
    if (!file.startsWith(`${scenario}.`) || !file.endsWith('.cpuprofile')) continue;
    console.log(`\n${profileSummary(join(folder, file))}`);
  }
}

function json({ turns, turnMs }: Options, results: Map<Scenario, Outcome[]>, verdicts: readonly Verdict[]): string {
  const scenarios = [...results].map(([scenario, outcomes]) => ({ ...scenario, outcomes }));
  const run = { node: process.version, cores: availableParallelism(), turns, turnMs };
  return `${JSON.stringify({ ...run, scenarios, goals: verdicts }, null, 2)}\n`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
