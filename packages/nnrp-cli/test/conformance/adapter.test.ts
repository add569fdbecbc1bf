import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nnrp } from '../cli-process.js';

const PLAN = fileURLToPath(new URL('../../../../tools/conformance/facts/preview4-adapter-plan.json', import.meta.url));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nnrp-adapter-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('nnrp conformance-adapter', () => {
  it('passes the plan of the suite, and finds it by the names of its environment', async () => {
    const output = join(folder, 'deep', 'results.json');
    const env = { NNRP_CONFORMANCE_ADAPTER_PLAN: PLAN, NNRP_CONFORMANCE_ADAPTER_RESULTS: output };
    const ended = await nnrp(['conformance-adapter'], undefined, env);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.toString()).toBe(`34 of 34 cases pass; results in ${output}\n`);
    const { cases } = JSON.parse(await readFile(PLAN, 'utf8'));
    expect(JSON.parse(await readFile(output, 'utf8'))).toEqual({
      protocol_version: 'nnrp-1-preview4',
      implementation_name: 'nnrp-typescript',
      results: cases.map(({ id }: { readonly id: string }) => ({ id, outcome: 'pass' })),
    });
  });

  it('says what does not pass, and leaves the judgement to the suite', async () => {
    const [plan, output] = [join(folder, 'plan.json'), join(folder, 'results.json')];
    const identity = { protocol_version: 'nnrp-1-preview4', implementation_name: 'x' };
    await writeFile(plan, JSON.stringify({ ...identity, cases: [{ id: 'l9.unknown' }] }));
    const ended = await nnrp(['conformance-adapter', '--plan', plan, '--output', output]);
    expect(ended).toMatchObject({ code: 0, stderr: 'nnrp: l9.unknown: error: this case is not known\n' });
  });

  it.each([
    ['no plan', [], 2, /--plan is missing/],
    ['a plan that is not there', ['--plan', '/nowhere/plan.json', '--output', 'x'], 1, /cannot read a plan/],
  ])('fails with %s', async (_, args, code, message) => {
    const ended = await nnrp(['conformance-adapter', ...args]);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(message);
  });
});
