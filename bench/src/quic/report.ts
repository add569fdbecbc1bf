import { cpu, duration, grouped, kib, share } from '../figures.js';
import { median } from '../median.js';
import { table } from '../table.js';
import { type IdleTurn, type Outcome, ratio, type WorkTurn } from './referee.js';
import type { SystemName } from './systems.js';
import { GOALS, type Goal } from './workloads.js';

const BULK_BYTES = 65_536;

/** The table of one workload: medians over the turns, and ratios as medians of the ratios of single rounds. */
export function workloadTable(outcome: Outcome): string {
  const { work, idle } = outcome;
  if (idle !== undefined) return idleTable(idle);
  return work === undefined ? '' : workTable(outcome, work);
}

function workTable(outcome: Outcome, work: ReadonlyMap<SystemName, readonly WorkTurn[]>): string {
  const { kind, requestBytes } = outcome.workload;
  const bulk = requestBytes >= BULK_BYTES;
  const unit = kind === 'handshake' ? 'handshakes/s' : 'ops/s';
  const head = ['system', unit, ...(bulk ? ['MiB/s each way'] : []), 'p50', 'p99', 'server CPU us', 'client CPU us'];
  const rows = [...work].map(([system, turns]) => {
    const of = (field: keyof WorkTurn) => median(turns.map((one) => one[field]));
    const perSecond = of('perSecond');
    const throughput = bulk
      ? [perSecond.toFixed(1), ((perSecond * requestBytes) / 2 ** 20).toFixed(1)]
      : [grouped(perSecond)];
    const times = [duration(of('p50')), duration(of('p99'))];
    const ratios = [share(ratio(outcome, system, 'raw')), factor(ratio(outcome, system, 'wrapper'))];
    return [system, ...throughput, ...times, cpu(of('serverCpu')), cpu(of('clientCpu')), ...ratios];
  });
  return table([...head, 'of raw TCP', 'times wrapper'], rows);
}

function idleTable(idle: ReadonlyMap<SystemName, readonly IdleTurn[]>): string {
  const rows = [...idle].map(([system, turns]) => {
    const of = (field: keyof IdleTurn) => kib(median(turns.map((one) => one[field])));
    return [system, of('held'), of('resident')];
  });
  return table(['system', 'KiB per connection', 'KiB resident'], rows);
}

/** A goal and what came of it. */
export interface Verdict {
  readonly goal: Goal;
  readonly actual: number;
  readonly met: boolean;
}

/** Judges the goals of a workload, those whose systems took part. */
export function judge(outcome: Outcome): Verdict[] {
  return GOALS.filter(({ workload }) => workload === outcome.workload.name).flatMap((goal) => {
    const actual = ratio(outcome, 'nnrp', goal.of);
    return actual === undefined ? [] : [{ goal, actual, met: actual >= goal.times }];
  });
}

/** One line per goal, and how many were met. */
export function goalLines(verdicts: readonly Verdict[], turns: number): string[] {
  const missed = verdicts.filter(({ met }) => !met).length;
  return [
    ...(turns === 1 ? ['one turn of each system: ratios are rough, the verdicts judge nothing'] : []),
    ...verdicts.map(({ goal: { workload, of, times }, actual, met }) => {
      const digits = times < 1 ? 3 : 1;
      return `${met ? 'met   ' : 'missed'} ${workload}: nnrp ${actual.toFixed(digits)} times ${of}, goal at least ${times}`;
    }),
    `goals: ${verdicts.length - missed} met, ${missed} missed`,
  ];
}

function factor(times: number | undefined): string {
  return times === undefined ? '-' : times.toFixed(1);
}
