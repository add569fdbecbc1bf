import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { profileSummary } from '../loopback/profile-summary.js';
import { type Choice, type Options as OptionsOf, parseOptions, usage } from '../options.js';
import type { Credentials } from './contestant.js';
import { type Outcome, type Plan, runWorkloads } from './referee.js';
import { goalLines, judge, type Verdict, workloadTable } from './report.js';
import { DESCRIPTIONS, SYSTEM_NAMES, type SystemName } from './systems.js';
import { WORKLOADS, type Workload } from './workloads.js';

/*
 * QUIC on loopback: nnrp-transport-quic against the high-level wrapper of the library it drives, and against raw TCP.
 * Systems take turns in one run, because absolute figures drift on a shared machine and ratios within one run do not.
 */

type Options = OptionsOf<SystemName>;

const CHOICE: Choice<SystemName> = {
  benchmark: 'quic',
  scenarios: WORKLOADS.map(({ name }) => name),
  systems: SYSTEM_NAMES,
  turns: 5,
  turnMs: 500,
};

const QUICK_IDLE_CONNECTIONS = 50;

async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args, CHOICE);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage(CHOICE)}`);
    return 2;
  }
  const { quick, turns, turnMs, systems, profile } = options;
  const plan: Plan = {
    systems,
    turns,
    turnMs,
    warmMs: quick ? 50 : 600,
    idleTurns: quick ? 1 : 2,
    credentials: credentials(),
    ...(profile !== undefined && { profiles: profile }),
  };
  if (profile !== undefined) mkdirSync(profile, { recursive: true });

  head(options);
  const outcomes: Outcome[] = [];
  await runWorkloads(wanted(options), plan, (outcome) => {
    outcomes.push(outcome);
    console.log(`\n${outcome.workload.name}: ${outcome.workload.title}\n`);
    console.log(workloadTable(outcome));
  });
  const verdicts = outcomes.flatMap(judge);
  console.log(`\n${goalLines(verdicts, turns).join('\n')}`);
  if (profile !== undefined) profiles(profile);
  if (options.json !== undefined) writeFileSync(options.json, json(options, outcomes, verdicts));
  return 0;
}

function wanted({ only, quick }: Options): readonly Workload[] {
  const workloads = WORKLOADS.filter(({ name }) => only.includes(name));
  if (!quick) return workloads;
  return workloads.map((one) => (one.kind === 'idle' ? { ...one, connections: QUICK_IDLE_CONNECTIONS } : one));
}

function credentials(): Credentials {
  const { certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const { certificateDer, privateKeyPkcs8Der } = certificate;
  const key = createPrivateKey({ key: Buffer.from(privateKeyPkcs8Der), format: 'der', type: 'pkcs8' });
  return {
    certificate: new X509Certificate(certificateDer).toString(),
    privateKey: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function head({ systems, turns, turnMs }: Options): void {
  const cores = availableParallelism();
  console.log(`Node ${process.version}, ${cores} cores, loopback; medians of ${turns} turns of ${turnMs} ms`);
  console.log('CPU us: microseconds of CPU time per operation of each process; ratios are of the same round\n');
  for (const system of systems) console.log(`${system.padEnd(14)}${DESCRIPTIONS[system]}`);
}

function profiles(folder: string): void {
  for (const file of readdirSync(folder).sort()) {
    if (file.endsWith('.cpuprofile')) console.log(`\n${profileSummary(join(folder, file))}`);
  }
}

function json({ turns, turnMs }: Options, outcomes: readonly Outcome[], verdicts: readonly Verdict[]): string {
  const workloads = outcomes.map(({ workload, work, idle }) => ({
    ...workload,
    turns: Object.fromEntries(work ?? idle ?? []),
  }));
  const run = { node: process.version, cores: availableParallelism(), turns, turnMs };
  return `${JSON.stringify({ ...run, workloads, goals: verdicts }, null, 2)}\n`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
