import { printable } from 'nnrp-core';
import type { JsonObject } from '../../json/json-object.js';
import { errorText } from '../../terminal-text.js';
import { PROTOCOL_VERSION } from '../protocol.js';
import type { AdapterCase } from './adapter-case.js';
import type { AdapterPlan, PlannedCase } from './adapter-plan.js';
import { CaseFailure, hexParameter, isCaseFailure } from './case-failure.js';
import { ADAPTER_CASES } from './cases.js';

/** What became of a case, as the suite has it. */
export interface CaseResult {
  readonly id: string;
  readonly outcome: 'pass' | 'fail' | 'error';
  readonly failure_kind?: string;
  readonly message?: string;
}

export interface AdapterResults {
  readonly protocol_version: string;
  readonly implementation_name: string;
  readonly results: readonly CaseResult[];
}

const MAX_MESSAGE_BYTES = 1000;
/** A case that has not ended by then hangs. */
const CASE_TIMEOUT_MS = 30_000;

/** Runs the cases of a plan, each once and in order. Never rejects: what a case throws is its result. */
export async function runCases(plan: AdapterPlan): Promise<AdapterResults> {
  const results: CaseResult[] = [];
  for (const planned of plan.cases) results.push(await runCase(planned));
  return { protocol_version: PROTOCOL_VERSION, implementation_name: plan.implementationName, results };
}

async function runCase({ id, parameters }: PlannedCase): Promise<CaseResult> {
  const known = ADAPTER_CASES.get(id);
  if (known === undefined)
    return { id, outcome: 'error', failure_kind: 'not_implemented', message: 'this case is not known' };
  try {
    await withinTime(Promise.resolve(known.check(...frozen(known, parameters))));
    return { id, outcome: 'pass' };
  } catch (error) {
    const message = printable(errorText(error), MAX_MESSAGE_BYTES);
    if (isCaseFailure(error)) return { id, outcome: 'fail', failure_kind: error.kind, message };
    return { id, outcome: 'fail', failure_kind: 'assertion_failed', message };
  }
}

/** The parameters of a case, which are those that it has and no others. @throws CaseFailure */
function frozen({ parameters: names }: AdapterCase, given: JsonObject): Uint8Array[] {
  const expected = [...names].sort().join(', ');
  const actual = Object.keys(given).sort().join(', ');
  if (actual !== expected)
    throw new CaseFailure(
      'invalid_frozen_parameters',
      `parameters: expected ${expected || 'none'}, got ${actual || 'none'}`,
    );
  return names.map((name) => hexParameter(name, given[name]));
}

function withinTime(check: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the case has not ended within ${CASE_TIMEOUT_MS} ms`)),
      CASE_TIMEOUT_MS,
    );
    check.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
