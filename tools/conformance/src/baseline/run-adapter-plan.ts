import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What `nnrp conformance-adapter` says of a case of preview4. */
export interface AdapterResult {
  readonly id: string;
  readonly status: string;
  readonly outcome: string;
  readonly message?: string;
}

interface PlannedCase {
  readonly id: string;
  readonly status: string;
}

const PLAN = new URL('../../facts/preview4-adapter-plan.json', import.meta.url);
const CLI = fileURLToPath(new URL('../../../../packages/nnrp-cli/bin/nnrp.cjs', import.meta.url));

/**
 * Runs the adapter suite of preview4 by the command that the public suite runs, with what it has frozen.
 *
 * @param only - beginning of the ids that are run
 * @throws (as a rejection) when the command fails, or leaves a case out
 */
export async function runAdapterPlan(only: string): Promise<AdapterResult[]> {
  const plan = JSON.parse(await readFile(PLAN, 'utf8')) as { readonly cases: readonly PlannedCase[] };
  const cases = plan.cases.filter(({ id }) => id.startsWith(only));
  const folder = await mkdtemp(join(tmpdir(), 'nnrp-adapter-'));
  try {
    const [given, output] = [join(folder, 'plan.json'), join(folder, 'results.json')];
    await writeFile(given, JSON.stringify({ ...plan, cases }));
    await promisify(execFile)(process.execPath, [CLI, 'conformance-adapter', '--plan', given, '--output', output]);
    const { results } = JSON.parse(await readFile(output, 'utf8')) as { readonly results: readonly AdapterResult[] };
    return cases.map(({ id, status }) => {
      const result = results.find((found) => found.id === id);
      if (result === undefined) throw new Error(`the adapter says nothing of ${id}`);
      return { ...result, status };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A line of the table, with the reason below where there is one. */
export function lineOfAdapter({ id, status, outcome, message }: AdapterResult): string {
  const letter = status === 'experimental' ? 'X' : status.slice(0, 1).toUpperCase();
  const line = `${outcome.padEnd(12)} ${letter}  ${id}`;
  return message === undefined ? line : `${line}\n             ${message}`;
}
