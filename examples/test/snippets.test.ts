import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../tools/fresh-build.mjs';
import { docsPages, ROOT, type Snippet, snippetsOf } from './pages.js';

requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-quic');

const run = promisify(execFile);

/** Programs of docs: js blocks with a text block right behind them that says what they print. */
const programs = docsPages()
  .flatMap(snippetsOf)
  .filter(
    (snippet): snippet is Snippet & { prints: string } => snippet.language === 'js' && snippet.prints !== undefined,
  );

describe('a program of docs prints what its page says', () => {
  it('in many places', () => expect(programs.length).toBeGreaterThan(15));

  it.each(programs)('$page, block $number', async ({ code, prints }) => {
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code], {
      cwd: `${ROOT}/examples`,
      timeout: 20_000,
    });
    expect({ stdout, stderr }).toEqual({ stdout: prints, stderr: '' });
  });
});
