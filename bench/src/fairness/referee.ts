import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Side } from '../side.js';
import type { AttackFigures } from './attack-side.js';
import type { Row } from './attacks.js';
import type { AttackQuestions, HonestQuestions, ServerQuestions } from './child.js';
import type { HonestFigures } from './honest-side.js';
import type { ServerFigures } from './server-side.js';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'child.js');
const ANSWER_MS = 60_000;

export interface Plan {
  readonly turnMs: number;
  /** From the beginning of something until it is measured. */
  readonly warmMs: number;
}

/** What came of one row. */
export interface Outcome {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  readonly goal: number;
  readonly alone: HonestFigures;
  readonly beside: HonestFigures;
  /** Beside a process that takes as much CPU time as the attacker did, and sends nothing. */
  readonly burnt: HonestFigures;
  /** The honest client's rate beside the attacker by its rate alone. */
  readonly ratio: number;
  /** The same by its rate beside the burner, or alone if that was less: what the server itself has taken from it. */
  readonly fairRatio: number;
  readonly attacker: AttackFigures;
  readonly server: ServerFigures;
}

/** An attacker that takes less of a core is none that the others lack. */
const LEAST_BURNT = 0.05;

/** The honest client alone, then beside the attacker, then beside one that only burns, on one server. */
export async function runRow(row: Row, { turnMs, warmMs }: Plan): Promise<Outcome> {
  const side = (role: string) => ({
    title: `${row.name}, ${role}`,
    program: PROGRAM,
    args: [role, row.name],
    answerMs: ANSWER_MS + turnMs,
  });
  const server = new Side<ServerQuestions>(side('server'));
  const honest = new Side<HonestQuestions>(side('honest'));
  const attacker = new Side<AttackQuestions>(side('attacker'));
  try {
    const port = await server.ask('listen');
    await honest.ask('connect', port);
    await sleep(warmMs);
    const alone = await honest.ask('turn', turnMs);
    await attacker.ask('begin', port);
    await sleep(warmMs);
    await Promise.all([server.ask('figures'), attacker.ask('figures')]);
    const beside = await honest.ask('turn', turnMs);
    const [served, attacked] = await Promise.all([server.ask('figures'), attacker.ask('figures')]);
    await attacker.ask('stop');
    await attacker.ask('burn', attacked.cpuShare);
    await sleep(warmMs);
    const burnt = attacked.cpuShare < LEAST_BURNT ? alone : await honest.ask('turn', turnMs);
    const { name, title, connections, goal } = row;
    const ratio = beside.perSecond / alone.perSecond;
    const fairRatio = beside.perSecond / Math.min(alone.perSecond, burnt.perSecond);
    return {
      name,
      title,
      connections,
      goal,
      alone,
      beside,
      burnt,
      ratio,
      fairRatio,
      attacker: attacked,
      server: served,
    };
  } finally {
    await Promise.all([attacker.stop(), honest.stop(), server.stop()]);
  }
}
