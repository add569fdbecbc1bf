import fc from 'fast-check';
import { expect } from 'vitest';
import { PAIR_COMMANDS } from './pair-commands.js';
import type { PairGround } from './pair-ground.js';
import { PairModel } from './pair-model.js';
import { PairWorld } from './pair-world.js';

/*
 * A failure prints the seed and the smallest sequence found; the same one runs again with NNRP_SEED=… NNRP_PATH=… NNRP_REPLAY=….
 * NNRP_PAIR_RUNS=2000 is the long form, over each transport whose test is run.
 */

const { NNRP_SEED, NNRP_PATH, NNRP_REPLAY, NNRP_PAIR_RUNS } = process.env;

/** @param usual - runs of the short form */
export function runsWanted(usual: number): number {
  return Number(NNRP_PAIR_RUNS ?? usual);
}

export function timeoutOf(runs: number): number {
  return 30_000 + runs * 1000;
}

/** @throws when client and server are not what the model says */
export async function walk(world: PairWorld, runs: number, seed: number): Promise<void> {
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

export async function inWorld<T>(
  ground: PairGround,
  work: (world: PairWorld) => Promise<T>,
  patienceMs?: number,
): Promise<T> {
  const world = await PairWorld.create(ground, patienceMs);
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}

/** Walks at random over one transport, cuts included. */
export async function walkOver(ground: PairGround, runs: number): Promise<void> {
  await inWorld(ground, async (world) => {
    await walk(world, runs, Number(NNRP_SEED ?? 20_260_404));
    if (NNRP_PAIR_RUNS !== undefined) console.log(`${world.steps} steps, ${world.cuts} cuts`);
    if (NNRP_PATH !== undefined) return;
    expect(world.steps).toBeGreaterThan(runs * 10);
    expect(world.cuts).toBeGreaterThan(runs / 10);
  });
}
