import { answerQuestions } from '../questions.js';
import { type AttackFigures, AttackSide } from './attack-side.js';
import { ROWS, type Row } from './attacks.js';
import { type HonestFigures, HonestSide } from './honest-side.js';
import { type ServerFigures, ServerSide } from './server-side.js';

/* One side of one row, in a process of its own: child.js server|honest|attacker ROW. */

export interface ServerQuestions {
  listen(): Promise<number>;
  figures(): Promise<ServerFigures>;
}

export interface HonestQuestions {
  connect(port: number): Promise<void>;
  turn(milliseconds: number): Promise<HonestFigures>;
}

export interface AttackQuestions {
  begin(port: number): Promise<void>;
  stop(): Promise<void>;
  burn(cpuShare: number): Promise<void>;
  figures(): Promise<AttackFigures>;
}

const [, , role = '', name] = process.argv;
const row = ROWS.find((one) => one.name === name) as Row;

function server(): ServerQuestions {
  const side = new ServerSide(row.over);
  return { listen: () => side.listen(), figures: () => side.figures() };
}

function honest(): HonestQuestions {
  const side = new HonestSide(row.over);
  return { connect: (port) => side.connect(port), turn: (milliseconds) => side.turn(milliseconds) };
}

function attacker(): AttackQuestions {
  const side = new AttackSide(row);
  return {
    begin: (port) => side.begin(port),
    stop: () => side.stop(),
    burn: (cpuShare) => side.burn(cpuShare),
    figures: () => side.figures(),
  };
}

const SIDES = new Map<string, () => object>([
  ['server', server],
  ['honest', honest],
  ['attacker', attacker],
]);

answerQuestions(role, SIDES.get(role)?.() ?? {});
