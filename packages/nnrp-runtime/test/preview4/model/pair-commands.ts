import type fc from 'fast-check';
import { isNnrpError } from 'nnrp-core';
import * as preview4 from 'nnrp-core/preview4';
import type { SessionControls } from '../../../src/connection/controls/session-controls.js';
import { otherSide, type PairModel, PairOperation, PairSession } from './pair-model.js';
import { DRAW, type Draw, type PairCommand, pick, steps } from './pair-step.js';
import type { LiveSession, PairWorld } from './pair-world.js';

const MAX_SESSIONS = 4;
/** Above 2^32 once in a while, and always above what was used. */
const WIDE = 2n ** 33n;
const SOON_MS = 1;
const LONG_MS = 3_600_000;

const runs = ({ running }: PairSession) => running.length > 0;
const always = () => true;

/** The code that a client has for a drop that its server gives as it is. */
const DROPPED: Readonly<Record<number, string>> = {
  1: 'NNRP_ERR_DEADLINE',
  2: 'NNRP_ERR_RESULT_DROPPED',
  3: 'NNRP_ERR_CANCELLED_BY_SERVER',
  4: 'NNRP_ERR_SERVER_BUSY',
  5: 'NNRP_ERR_SUBMIT_REFUSED',
  6: 'NNRP_ERR_RESULT_DROPPED',
  8: 'NNRP_ERR_CLOSED',
};

class Open implements PairCommand {
  check(model: Readonly<PairModel>): boolean {
    return model.open.length < MAX_SESSIONS;
  }

  async run(model: PairModel, world: PairWorld): Promise<void> {
    const session = new PairSession(model.newName());
    model.sessions.push(session);
    await world.open(session);
    await world.agree(model);
  }

  toString(): string {
    return 'open';
  }
}

function newOperation(session: PairSession, { number }: Draw, model: PairModel): PairOperation {
  session.highestId += number % 5 === 0 && session.highestId < WIDE ? WIDE : BigInt((number % 3) + 1);
  const operation = new PairOperation(`op${model.newName()}`, session.highestId);
  session.operations.push(operation);
  return operation;
}

async function submit(world: PairWorld, session: PairSession, draw: Draw, model: PairModel): Promise<unknown> {
  const operation = newOperation(session, draw, model);
  switch (draw.which % 4) {
    case 0:
      operation.ends = ['result text'];
      return await world.submit(session, operation, 'echo text');
    case 1:
      operation.ends = ['NNRP_ERR_HANDLER_FAILED'];
      return await world.submit(session, operation, 'throw');
    default:
      await world.submit(session, operation, 'hold');
      return await world.live(operation);
  }
}

async function submitBlocked(world: PairWorld, session: PairSession): Promise<void> {
  const { client } = world.sessions.get(session.name) as LiveSession;
  try {
    client.submitNow('too much');
  } catch (error) {
    if (isNnrpError(error, 'NNRP_ERR_FLOW_BLOCKED')) return;
    throw error;
  }
  throw new Error(`session ${session.name} takes a submit, and must not`);
}

async function push(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { server } = await world.live(operation);
  for (let part = 0; part <= number % 3; part++) {
    operation.parts.push(`${part}`);
    await server.push(`${part}`);
  }
}

async function progress(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { server } = await world.live(operation);
  operation.percents.push(number % 100);
  server.progress({ percentX100: (number % 100) * 100 });
}

async function complete(world: PairWorld, session: PairSession, { which }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { server } = await world.live(operation);
  operation.ends = ['result done'];
  await server.complete('done');
}

async function drop(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { server } = await world.live(operation);
  const [reasonCode, end] = pick(Object.entries(DROPPED), number);
  operation.ends = [end];
  await server.drop({ reasonCode: Number(reasonCode) });
}

/** CANCEL or ABORT; the server may answer at the same moment. */
async function cancel(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { server, client } = await world.live(operation);
  operation.ends = ['NNRP_ERR_CANCELLED'];
  client.cancel({ abort: number % 2 === 0, reasonCode: number % 9 });
  if (number % 3 === 0) await server.complete('crosses the cancel').catch(() => {});
}

/** The new one is submitted before or behind, and the old one may be answered at the same moment. */
async function supersede(world: PairWorld, session: PairSession, draw: Draw, model: PairModel): Promise<void> {
  const old = pick(session.running, draw.which);
  const live = await world.live(old);
  const isBlocked = session.isBlocked;
  const races = draw.number % 3 === 0;
  old.ends = ['NNRP_ERR_CANCELLED_BY_SERVER', ...(races ? ['result was done'] : [])];
  live.client.supersede(session.highestId + 1n, draw.number % 2 === 0);
  if (races) await live.server.complete('was done').catch(() => {});
  if (isBlocked) return;
  const next = newOperation(session, { ...draw, number: 999 }, model);
  await world.submit(session, next, 'hold');
  await world.live(next);
}

async function reprioritize(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { client } = await world.live(operation);
  operation.priority = [number, -number];
  client.setPriority(number, -number);
}

async function budget(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { client } = await world.live(operation);
  const adds = number % 2 === 0;
  operation.tokens = adds && operation.tokens !== undefined ? operation.tokens + number : number;
  const flags = adds ? preview4.BudgetFlags.Increment : 0;
  world.sessions.get(session.name)?.client.controls.budget({ tokenBudget: number, flags }, client);
}

async function expire(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const operation = pick(session.running, which);
  const { client } = await world.live(operation);
  const isSoon = number % 2 === 0;
  if (isSoon) operation.ends = ['NNRP_ERR_DEADLINE'];
  const at = Date.now() + (isSoon ? SOON_MS : LONG_MS);
  if (number % 3 === 0) client.expireAt(at);
  else client.setDeadline(at);
}

/** What is said of objects that are not there is refused before it is sent. */
async function object(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const side = number % 2 === 0 ? 'client' : 'server';
  const controls = world.sessions.get(session.name)?.controls(side) as SessionControls;
  const objectId = BigInt(1 + (which % 3));
  const known = session.objects.get(objectId);
  const kind = pick(['Declare', 'Ref', 'Ref', 'Release', 'Last', 'Delta', 'Patch'] as const, number >> 1);
  const act = () => {
    if (kind === 'Declare') return controls.declareObject({ objectId, byteSize: 4n });
    if (kind === 'Ref') return controls.referObject({ objectId });
    if (kind === 'Release') return controls.releaseObject({ objectId, flags: 0 });
    if (kind === 'Last') return controls.releaseObject({ objectId });
    const change = { objectId, delta: new Uint8Array(3) };
    return kind === 'Delta' ? controls.deltaObject(change) : controls.patchObject(change);
  };
  if ((kind === 'Declare') === (known !== undefined)) {
    try {
      act();
    } catch (error) {
      if (isNnrpError(error, 'NNRP_ERR_USAGE')) return;
      throw error;
    }
    throw new Error(`${kind} of object ${objectId} is taken, and must not be`);
  }
  act();
  session.hears(otherSide(side), `object${kind === 'Last' ? 'Release' : kind}`);
  if (known === undefined) session.objects.set(objectId, { by: side, references: 0, sequence: 0n });
  else if (kind === 'Ref') known.references++;
  else if (kind === 'Delta' || kind === 'Patch') known.sequence++;
  else if (kind === 'Last' || --known.references <= 0) session.objects.delete(objectId);
}

async function say(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const side = number % 2 === 0 ? 'client' : 'server';
  const controls = world.sessions.get(session.name)?.controls(side);
  const key = { cacheNamespace: 1, profileId: 2, cacheKeyHi: BigInt(number), cacheKeyLo: 7n };
  const sayings = {
    cacheReference: () => controls?.cacheReference(key),
    cacheMiss: () => controls?.cacheMiss(key),
    traceContext: () => controls?.traceContext({ traceId: 5n, spanId: 6n }),
    degradeProfile: () => controls?.degrade({ profileId: 2, capabilities: ['cache.reference'] }),
    routeHint: () => controls?.routeHint({}),
    executionHint: () => controls?.executionHint({}),
    recoverableError: () => controls?.recoverableError({ errorCode: 7, body: 'text' }),
  };
  const [type, act] = pick(Object.entries(sayings), which);
  session.hears(otherSide(side), type);
  act();
}

/** BACKPRESSURE and CREDIT_UPDATE of the server: what the client may begin then. */
async function press(world: PairWorld, session: PairSession, { which, number }: Draw): Promise<void> {
  const { server, client } = world.sessions.get(session.name) as LiveSession;
  const told = client.events()[Symbol.asyncIterator]();
  const isCredit = which % 2 === 0;
  const window = 1 + (number % 4);
  if (isCredit) server.controls.credit({ creditWindow: BigInt(window) });
  else server.controls.backpressure({ pressureLevel: 2 + (number % 2) });
  if (isCredit) session.window = window;
  session.isStopped = !isCredit;
  for (let event = await told.next(); !event.done; event = await told.next())
    if (event.value.type === (isCredit ? 'creditUpdate' : 'backpressure')) break;
  await told.return?.();
}

async function close(world: PairWorld, session: PairSession): Promise<void> {
  session.isOpen = false;
  for (const operation of session.running) operation.ends = ['NNRP_ERR_CLOSED'];
  await world.sessions.get(session.name)?.client.close({ inFlightPolicy: 1 });
}

/** Each kind, and how often it is drawn. */
export const PAIR_COMMANDS: readonly (readonly [number, fc.Arbitrary<PairCommand>])[] = [
  [2, DRAW.map(() => new Open())],
  [6, steps('submit', ({ isBlocked }) => !isBlocked, submit)],
  [1, steps('submitBlocked', ({ isBlocked }) => isBlocked, submitBlocked)],
  [3, steps('push', runs, push)],
  [2, steps('progress', runs, progress)],
  [2, steps('complete', runs, complete)],
  [1, steps('drop', runs, drop)],
  [2, steps('cancel', runs, cancel)],
  [2, steps('supersede', runs, supersede)],
  [2, steps('reprioritize', runs, reprioritize)],
  [2, steps('budget', runs, budget)],
  [1, steps('expire', runs, expire)],
  [5, steps('object', always, object)],
  [3, steps('say', always, say)],
  [2, steps('press', always, press)],
  [1, steps('close', always, close)],
];
