import { cpu, duration, grouped, kib, share } from '../figures.js';
import { median } from '../median.js';
import { table } from '../table.js';
import type { Outcome } from './referee.js';
import { GOALS, type Goal, type Scenario } from './scenarios.js';

/** The table of one scenario. */
export function scenarioTable(scenario: Scenario, outcomes: readonly Outcome[]): string {
  return scenario.kind === 'idle' ? idleTable(outcomes) : workTable(scenario, outcomes);
}

function workTable({ kind, requestBytes }: Scenario, outcomes: readonly Outcome[]): string {
  const [unit, what] = kind === 'stream' ? ['messages/s', ' of a stream'] : ['ops/s', ''];
  const large = requestBytes >= 65_536;
  const megabytes = (perSecond: number) => (large ? [((perSecond * requestBytes) / 1e6).toFixed(0)] : []);
  const head = ['system', unit, ...(large ? ['MB/s each way'] : []), `p50${what}`, `p99${what}`];
  const rows = outcomes.map(({ system, work, ratio, efficiency }) => {
    if (work === undefined) return [system];
    const { perSecond, p50, p99, serverCpu, clientCpu } = work;
    const figures = [grouped(perSecond), ...megabytes(perSecond), duration(p50), duration(p99)];
    return [system, ...figures, cpu(serverCpu), cpu(clientCpu), share(ratio), share(efficiency)];
  });
  return table([...head, 'server CPU us', 'client CPU us', 'of raw', 'CPU, raw by it'], rows);
}

function idleTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ system, idle }) => [system, kib(idle?.held), kib(idle?.resident)]);
  return table(['system', 'KiB per session', 'KiB resident (RSS)'], rows);
}

/** A goal and what came of it. */
export interface Verdict {
  readonly goal: Goal;
  /** Absent when nothing was measured. */
  readonly actual?: number;
  readonly met: boolean;
  /** Turns behind the figure: that of a single one, as in a quick run, is rough. */
  readonly turns: number;
}

/** Judges the goals of what was run; a system that could not run has missed its goals. */
export function judge(results: ReadonlyMap<Scenario, readonly Outcome[]>, wanted: readonly string[]): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const [scenario, outcomes] of results) {
    for (const goal of GOALS.filter((one) => one.scenario === scenario.name && wanted.includes(one.system))) {
      const outcome = outcomes.find(({ system }) => system === goal.system);
      const actual = goal.bytes === undefined ? ratioOf(goal, outcome, outcomes) : outcome?.idle?.held;
      // A ratio needs what it is a ratio to; without it there is nothing to judge.
      if (actual === undefined && outcome !== undefined) continue;
      const met =
        actual !== undefined && (goal.bytes === undefined ? actual >= (goal.ratio ?? 0) : actual <= goal.bytes);
      const turns = outcome?.turns.length ?? 0;
      verdicts.push({ goal, met, turns, ...(actual === undefined ? {} : { actual }) });
    }
  }
  return verdicts;
}

function ratioOf({ cpuOf }: Goal, outcome: Outcome | undefined, outcomes: readonly Outcome[]): number | undefined {
  if (cpuOf === undefined) return outcome?.ratio;
  const base = outcomes.find(({ system }) => system === cpuOf);
  if (base === undefined || outcome === undefined) return undefined;
  const cpuIn = (turn: Outcome['turns'][number] | undefined) =>
    turn !== undefined && 'serverCpu' in turn ? turn.serverCpu + turn.clientCpu : Number.NaN;
  return median(outcome.turns.map((turn, round) => cpuIn(base.turns[round]) / cpuIn(turn)));
}

/** One line per goal, and how many were met. */
export function goalLines(verdicts: readonly Verdict[]): string[] {
  const missed = verdicts.filter(({ met }) => !met);
  const names = missed.map(({ goal }) => goal.title).join('; ');
  const rough = verdicts.some(({ turns }) => turns === 1);
  return [
    ...(rough
      ? ['one turn of each system, as in a quick run: ratios and other figures are rough, the verdicts judge nothing']
      : []),
    ...verdicts.map((verdict) => `${verdict.met ? 'met   ' : 'missed'} ${goalText(verdict)}`),
    `goals: ${verdicts.length - missed.length} met, ${missed.length} missed${names === '' ? '' : ` (${names})`}`,
  ];
}

function goalText({ goal, actual }: Verdict): string {
  const { title, system, ratio, bytes, cpuOf } = goal;
  if (actual === undefined) return `${title}: ${system} was not measured`;
  if (bytes !== undefined) return `${title}: ${(actual / 1024).toFixed(1)} KiB, goal at most ${bytes / 1024} KiB`;
  const of = cpuOf === undefined ? 'of raw' : `CPU time of ${cpuOf} by it`;
  return `${title}: ${actual.toFixed(3)} ${of}, goal at least ${(ratio ?? 0).toFixed(2)}`;
}
