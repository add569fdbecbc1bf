import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { CALLER_COMMANDS, finishCallers } from './model-caller-commands.js';
import { PEER_COMMANDS } from './model-peer-commands.js';
import { ModelState } from './model-state.js';
import { ModelWorld } from './model-world.js';

/*
 * Random clients against a live server: what the model says must be what comes. A failure prints the seed, the
 * path and the replay path of the smallest sequence found; run the same one again with
 * NNRP_SEED=… NNRP_PATH=… NNRP_REPLAY=… vitest run model.property.
 */

const RUNS = 800;
const MIN_STEPS = 10_000;
/** Bytes of heap that a step may leave behind: a rounding error, but nothing that grows. */
const MAX_BYTES_PER_STEP = 100;
const LOOK_EVERY_MS = 250;

let world: ModelWorld;
beforeAll(async () => {
  world = await ModelWorld.create();
});
afterAll(() => world.close());

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round++) gc();
  return process.memoryUsage().heapUsed;
}

it('keeps every promise to peers that lie, vanish and crowd, for 10,000 steps', async () => {
  const { NNRP_SEED, NNRP_PATH, NNRP_REPLAY } = process.env;
  const weighted = [...PEER_COMMANDS, ...CALLER_COMMANDS];
  const commands = fc.commands(
    weighted.flatMap(([weight, arbitrary]) => Array.from({ length: weight }, () => arbitrary)),
    { maxCommands: 120, size: 'max', ...(NNRP_REPLAY === undefined ? {} : { replayPath: NNRP_REPLAY }) },
  );
  let runs = 0;
  let warmHeap = 0;
  let warmSteps = 0;
  const property = fc.asyncProperty(commands, async (sequence) => {
    if (++runs === RUNS / 4) {
      warmHeap = heapUsed();
      warmSteps = world.steps;
    }
    const state = new ModelState();
    try {
      await fc.asyncModelRun(() => ({ model: state, real: world }), sequence);
      await finishCallers(state, world);
      for (const { name } of state.connections) world.forget(name);
      await world.checkEmpty();
    } catch (error) {
      await world.reset();
      throw error;
    }
  });
  await fc.assert(property, {
    numRuns: RUNS,
    seed: Number(NNRP_SEED ?? 20_260_101),
    interruptAfterTimeLimit: 240_000,
    markInterruptAsFailure: true,
    ...(NNRP_PATH === undefined ? {} : { path: NNRP_PATH }),
  });
  if (NNRP_PATH !== undefined) return;
  expect(world.steps).toBeGreaterThanOrEqual(MIN_STEPS);
  // QUIC keeps an ended connection for some round trips, so the heap comes down after the last of them. These need turns of
  // the event loop, of which there are few while the heap is collected again and again.
  let lookedMs = 0;
  const isFlat = () => {
    if (performance.now() - lookedMs < LOOK_EVERY_MS) return false;
    const perStep = (heapUsed() - warmHeap) / (world.steps - warmSteps);
    lookedMs = performance.now();
    return perStep < MAX_BYTES_PER_STEP;
  };
  await eventually(isFlat, `a step leaves less than ${MAX_BYTES_PER_STEP} bytes of heap behind`, 60_000);
}, 330_000);
