import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { seedWanted } from '../cut-wishes.js';
import { type LogCommand, logCommands } from './log-commands.js';
import { LogModel } from './log-model.js';
import type { LogSettings } from './log-settings.js';
import { LOG_FAULTS } from './planted-log-faults.js';

/*
 * A failure prints the seed and path of the smallest sequence found, and what happened in it; run the same one again with
 * NNRP_SEED=… NNRP_PATH=… vitest run log-model.property.
 */

const RUNS = Number(process.env['NNRP_RUNS'] ?? 150);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const settings: fc.Arbitrary<LogSettings> = fc.record({
  isPolicySlow: fc.boolean(),
  maxSuspendedBytes: fc.constantFrom(1024 * 1024, 300),
});

async function walk(commands: readonly LogCommand[], given: LogSettings, total: Record<string, number>): Promise<void> {
  const model = new LogModel(given);
  try {
    await model.open();
    for (const command of commands) await model.run(command);
    await model.finish();
    for (const [name, count] of Object.entries(model.counts)) total[name] = (total[name] ?? 0) + count;
  } catch (error) {
    throw new Error(`${String(error)}\n${model.story.join('\n')}`, { cause: error });
  } finally {
    await model.end();
  }
}

it('brings each packet once and in order over connections that end anywhere, or the session has ended', {
  timeout: 300_000,
}, async () => {
  const { NNRP_PATH } = process.env;
  const total: Record<string, number> = {};
  const property = fc.asyncProperty(logCommands, settings, (commands, given) => walk(commands, given, total));
  await fc.assert(property, {
    numRuns: RUNS,
    seed: seedWanted(),
    ...(NNRP_PATH === undefined ? {} : { path: NNRP_PATH }),
  });
  if (process.env['NNRP_RUNS'] !== undefined) console.log(JSON.stringify(total));
  for (const what of ['resumed', 'refused', 'takenOver', 'replayed', 'expired'])
    expect(total[what], what).toBeGreaterThan(0);
});

/** Sequences until a planted fault must have been found. */
const PLANTED_RUNS = 400;

it.each(LOG_FAULTS)('would find a server that %s', async (_, plant) => {
  plant();
  const property = fc.asyncProperty(logCommands, settings, (commands, given) => walk(commands, given, {}));
  const { failed, numRuns, errorInstance } = await fc.check(property, {
    numRuns: PLANTED_RUNS,
    seed: 1,
    endOnFailure: true,
  });
  if (process.env['NNRP_RUNS'] !== undefined) console.log(numRuns, String(errorInstance).split('\n')[0]);
  expect(failed).toBe(true);
});
