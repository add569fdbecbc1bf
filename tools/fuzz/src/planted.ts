import { type Conversation, conversation, type State, type Step, validSay } from './conversation.js';
import { Coverage } from './coverage.js';
import { nameOf, PLANTS, type Plant, plant } from './plants.js';
import { Dice } from './samples/dice.js';
import { PREVIEW3 } from './samples/samples-preview3.js';
import { Stage } from './targets/stage.js';
import { ProcessWatch, textOf, type Violation } from './watch.js';

/** Conversations in which a planted fault must be found. */
const MAX_CONVERSATIONS = 200;

/** Ways to hear of it: as an event, or by a call of the application into which it was thrown. */
const REPORTS = ['internalError', 'application call'];
/** So long may anything take here: what is left behind stays. */
const PATIENCE_MS = 1000;

/** What has come of one planted fault. */
interface Finding {
  readonly plant: Plant;
  /** How often it has thrown. */
  readonly fired: number;
  /** Whether it was reported as what it is. */
  readonly reported: boolean;
  /** What else has happened, and must not. */
  readonly damage: readonly Violation[];
}

/**
 * Plants one fault after the other, and attacks until it throws. Each must be reported as an internal error, cost its
 * connection at most, and leave nothing behind.
 * @param job - of so many `jobs`, each with its share of the plants
 * @returns how many were missed
 */
export async function runPlants(seed: number, part: string, job: number, jobs: number): Promise<number> {
  const watch = new ProcessWatch(PATIENCE_MS);
  let misses = 0;
  const plants = PLANTS.filter((one) => nameOf(one).includes(part)).filter((_, index) => index % jobs === job);
  for (const where of plants) {
    const verdict = await find(where, seed, watch).then(verdictOf, textOf);
    if (verdict !== 'found') misses++;
    console.log(`${verdict === 'found' ? 'PASS' : 'FAIL'} ${nameOf(where)}: ${verdict}`);
  }
  return misses;
}

function verdictOf({ plant, fired, reported, damage }: Finding): string {
  if (fired === 0) return `the fault was never reached in ${MAX_CONVERSATIONS} conversations`;
  if (!reported && plant.called !== true) return 'it threw, and no internalError said so';
  if (damage.length > 0) return damage.map(({ kind, detail }) => `${kind}: ${detail}`).join('\n');
  return 'found';
}

async function find(where: Plant, seed: number, watch: ProcessWatch): Promise<Finding> {
  let fired = 0;
  let reported = false;
  const damage: Violation[] = [];
  const isDone = () => (where.called === true ? fired > 0 : reported);
  for (let number = 0; number < MAX_CONVERSATIONS && !isDone() && damage.length === 0; number++) {
    const stage = new Stage(watch);
    const talk = towards(where, seed, number);
    // The healthy client is there before the fault is.
    await stage.play({ ...talk, steps: [] }, new Coverage());
    const takeOut = await plant(where, () => {
      fired++;
    });
    const found = await stage.play(talk, new Coverage());
    takeOut();
    await stage.clear();
    const seen = [...found, ...watch.take()];
    const forgiven = where.last === true ? lostWithIt(seen) : [];
    for (const violation of seen) {
      const isOurs = violation.detail.includes(`planted: ${nameOf(where)}`);
      if (isOurs && REPORTS.includes(violation.kind)) reported = true;
      else if (!forgiven.includes(violation.kind)) damage.push(violation);
    }
  }
  return { plant: where, fired, reported, damage };
}

/**
 * What goes with the last that gives something back: what it would have given. Where that are places for handlers or in
 * the line for them, which all clients share, others find none.
 */
function lostWithIt(seen: readonly Violation[]): readonly string[] {
  const places = seen.some(({ kind, detail }) => kind === 'left behind' && /\b(running|waiting): /.test(detail));
  return places ? ['left behind', 'healthy client'] : ['left behind'];
}

/** Results that wait to be read, or work that is cancelled and never answered. */
function unreadResults(dice: Dice): Step[] {
  const hold: Step = { do: 'call', call: 'hold' };
  if (dice.chance(0.4)) return [hold, { do: 'call', call: 'cancel' }, { do: 'rest', ms: 60 }];
  return [hold, ...Array.from({ length: 6 }, () => validSay('RESULT_PUSH', PREVIEW3, dice))];
}

/** A conversation that leads to where the fault is planted. */
function towards({ role, style = 'serve', states }: Plant, seed: number, number: number): Conversation {
  const talk = conversation(seed, number, { revision: 'preview3', roles: [role], carriers: ['duplex'] });
  const dice = new Dice(number);
  const steps = talk.steps.flatMap((step, index): Step[] => {
    if (step.do !== 'reach') return [step];
    const reach = states === undefined ? step : { ...step, state: states[index % states.length] as State };
    // Much that is valid, since few mutants come far.
    const many = Array.from({ length: 6 }, () => validSay(dice.of(PREVIEW3.names), PREVIEW3, dice));
    const submits = Array.from({ length: dice.below(6) }, () => validSay('FRAME_SUBMIT', PREVIEW3, dice));
    const cancel = dice.chance(0.5) ? [validSay('FRAME_CANCEL', PREVIEW3, dice)] : [];
    const calls = role === 'client' ? unreadResults(dice) : [];
    return [
      reach,
      ...calls,
      ...submits,
      ...cancel,
      ...many,
      ...(dice.chance(0.2) ? [{ do: 'rest', ms: 15 } as const] : []),
    ];
  });
  return { ...talk, style, steps };
}
