import type { BaselineCase, BaselineEntry } from './baseline-case.js';
import { BASELINE_CASES } from './baseline-cases.js';
import { BASELINE_ENTRIES, UNCLAIMED_TOKENS } from './baseline-entries.js';
import { CheckFailure, Checks } from './checks.js';
import type { CaseResult } from './report.js';
import { Stage, type StageOptions } from './stage.js';

/** Which cases run, and how. */
export interface RunOptions extends Partial<StageOptions> {
  /** Ids begin with this; default all. */
  readonly only?: string;
  /** Told each result as it comes. */
  readonly onResult?: (result: CaseResult) => void;
}

/** Milliseconds that any single wait of a case may take: generous, because only what is broken waits this long. */
const PATIENCE_MS = 10_000;

/** Runs cases one after the other, in the order of the public suite, each on a stage of its own. Never rejects. */
export async function runCases(options: RunOptions = {}): Promise<CaseResult[]> {
  const { only = '', onResult, patienceMs = PATIENCE_MS, lie } = options;
  const results: CaseResult[] = [];
  for (const entry of BASELINE_ENTRIES.filter(({ id }) => id.startsWith(only))) {
    const found = BASELINE_CASES.find(({ id }) => id === entry.id);
    const result = await runCase(entry, found, { patienceMs, ...(lie === undefined ? {} : { lie }) });
    onResult?.(result);
    results.push(result);
  }
  return results;
}

async function runCase(
  entry: BaselineEntry,
  found: BaselineCase | undefined,
  options: StageOptions,
): Promise<CaseResult> {
  const { id, level, status, tokens } = entry;
  const check = new Checks();
  const began = performance.now();
  const failure = found === undefined ? `there is no check for ${id}` : await failureOf(found, check, options);
  const unclaimed = tokens.filter((token) => UNCLAIMED_TOKENS.includes(token));
  const notClaimed = unclaimed.length > 0 ? found?.notClaimed : undefined;
  return {
    id,
    level,
    status,
    tokens,
    outcome: failure !== undefined ? 'fail' : notClaimed !== undefined ? 'not_claimed' : 'pass',
    exercised: found?.exercised ?? '',
    checks: check.count,
    milliseconds: Math.round((performance.now() - began) * 10) / 10,
    ...(failure === undefined ? {} : { failure }),
    ...(notClaimed === undefined ? {} : { reason: notClaimed }),
  };
}

async function failureOf(found: BaselineCase, check: Checks, options: StageOptions): Promise<string | undefined> {
  const stage = new Stage(options);
  try {
    await found.run(check, stage);
    return undefined;
  } catch (error) {
    return error instanceof CheckFailure ? error.message : String(error);
  } finally {
    await stage.clear();
  }
}
