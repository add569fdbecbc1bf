import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { ObjectTable } from '../../../src/connection/controls/object-table.js';
import { OperationsOfPreview4 } from '../../../src/server/operation/preview4/session-operations.js';
import { PAIR_COMMANDS } from './pair-commands.js';
import { PairModel } from './pair-model.js';
import { PairWorld } from './pair-world.js';

/*
 * A failure prints the seed and the smallest sequence found; the same one runs again with NNRP_SEED=… NNRP_PATH=… NNRP_REPLAY=….
 * NNRP_PAIR_RUNS=2000 is the long form.
 */

const { NNRP_SEED, NNRP_PATH, NNRP_REPLAY, NNRP_PAIR_RUNS } = process.env;
const RUNS = Number(NNRP_PAIR_RUNS ?? 60);

async function walk(world: PairWorld, runs: number, seed: number): Promise<void> {
  const commands = fc.commands(
    PAIR_COMMANDS.flatMap(([weight, arbitrary]) => Array.from({ length: weight }, () => arbitrary)),
    { maxCommands: 80, size: 'max', ...(NNRP_REPLAY === undefined ? {} : { replayPath: NNRP_REPLAY }) },
  );
  const property = fc.asyncProperty(commands, async (sequence) => {
    await world.begin();
    try {
      await fc.asyncModelRun(() => ({ model: new PairModel(), real: world }), sequence);
    } finally {
      await world.end();
    }
  });
  await fc.assert(property, {
    numRuns: runs,
    seed,
    ...(NNRP_PATH === undefined ? {} : { path: NNRP_PATH }),
  });
}

async function inWorld<T>(work: (world: PairWorld) => Promise<T>, patienceMs?: number): Promise<T> {
  const world = await PairWorld.create(patienceMs);
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}

it('client and server are what the model says, whatever either of them does', {
  timeout: 30_000 + RUNS * 1000,
}, async () => {
  await inWorld(async (world) => {
    await walk(world, RUNS, Number(NNRP_SEED ?? 20_260_404));
    if (NNRP_PAIR_RUNS !== undefined) console.log(`${world.steps} steps, ${world.cuts} cuts`);
    if (NNRP_PATH !== undefined) return;
    expect(world.steps).toBeGreaterThan(RUNS * 10);
    expect(world.cuts).toBeGreaterThan(RUNS / 10);
  });
});

it.each<[string, () => { mockRestore(): void }, RegExp]>([
  [
    'references that are not counted',
    () => vi.spyOn(ObjectTable.prototype, 'referred').mockReturnValue(undefined),
    /objects of the/,
  ],
  [
    'a SUPERSEDE that ends nothing',
    () => vi.spyOn(OperationsOfPreview4.prototype, 'supersede').mockReturnValue(undefined),
    /has ended as undefined|in flight/,
  ],
])('finds %s', { timeout: 60_000 }, async (_name, plant, fault) => {
  const planted = plant();
  try {
    const found = await inWorld((world) => walk(world, 100, 1), 150).catch((error: Error) => error);
    expect(String((found as Error).cause)).toMatch(fault);
    // Made small: a session, and what it takes to see the fault.
    expect(String(found)).toMatch(/Counterexample: \[open,[a-z]+\([^)]*\),[a-z]+\([^)]*\) /);
  } finally {
    planted.mockRestore();
  }
});
