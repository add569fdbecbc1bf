import { duration, grouped, share } from '../figures.js';
import { table } from '../table.js';
import type { Outcome } from './referee.js';

const HEAD = [
  'attacker',
  'connections',
  'alone/s',
  'burnt/s',
  'beside/s',
  'of alone',
  'of burnt',
  'goal',
  'worst wait',
  'failed',
  'lost',
  'packets/s',
  'MB/s',
  'attacker CPU',
  'server CPU',
  'CPU/packet',
  'turn p99',
  'loop p99',
  'loop max',
  'MiB',
];

/** One line for each attacker. */
export function fairnessTable(outcomes: readonly Outcome[]): string {
  return table(HEAD, outcomes.map(cells));
}

function cells({ name, connections, goal, alone, beside, burnt, ratio, fairRatio, ...those }: Outcome): string[] {
  const { attacker, server } = those;
  return [
    name,
    String(connections),
    alone.perSecond.toFixed(0),
    burnt.perSecond.toFixed(0),
    beside.perSecond.toFixed(0),
    share(ratio),
    share(fairRatio),
    goal.toFixed(3),
    duration(beside.worstMs * 1000),
    String(beside.failed),
    String(beside.sessionsLost),
    grouped(attacker.packetsPerSecond),
    attacker.megabytesPerSecond.toFixed(1),
    attacker.cpuShare.toFixed(2),
    server.cpuShare.toFixed(2),
    attacker.packetsPerSecond < 1 ? '-' : duration((server.cpuShare * 1e6) / attacker.packetsPerSecond),
    duration(server.turnP99),
    duration(server.lateP99Ms * 1000),
    duration(server.lateMaxMs * 1000),
    (server.resident / 1048576).toFixed(0),
  ];
}

/** Whether the server has left the honest client what it should have, and its session. */
export function isMet({ fairRatio, goal, beside }: Outcome): boolean {
  return fairRatio >= goal && beside.sessionsLost === 0;
}

/** A line for every goal that was missed, and how many were met. */
export function goalLines(outcomes: readonly Outcome[]): string[] {
  const missed = outcomes.filter((outcome) => !isMet(outcome));
  const worst = outcomes.reduce((most, { beside }) => Math.max(most, beside.worstMs), 0);
  return [
    ...missed.map(missText),
    `goals: ${outcomes.length - missed.length} met, ${missed.length} missed; worst wait ${duration(worst * 1000)}`,
  ];
}

function missText({ name, title, ratio, fairRatio, goal, beside }: Outcome): string {
  const kept = `${share(fairRatio)} of its rate beside a burner (${share(ratio)} of that alone), goal at least ${goal.toFixed(3)}`;
  const lost = beside.sessionsLost > 0 ? `; ${beside.sessionsLost} sessions lost` : '';
  const why = beside.firstFailure === undefined ? '' : `; ${beside.firstFailure}`;
  return `missed ${name} (${title}): ${kept}${lost}${why}`;
}
