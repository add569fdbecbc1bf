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
  /** The honest client's rate beside the attacker by its rate alone. */
  readonly ratio: number;
  readonly attacker: AttackFigures;
  readonly server: ServerFigures;
}

/** The honest client alone, and then beside the attacker, on one server. */
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
    const { name, title, connections, goal } = row;
    const ratio = beside.perSecond / alone.perSecond;
    return { name, title, connections, goal, alone, beside, ratio, attacker: attacked, server: served };
  } finally {
    await Promise.all([attacker.stop(), honest.stop(), server.stop()]);
  }
}
