import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';

const SESSION = fileURLToPath(new URL('session.mjs', import.meta.url));
const HERE = `${process.platform}-${process.arch}`;
const TIMEOUT_MS = 120_000;
const bundlers = createRequire(new URL('../../../../tools/runtimes/package.json', import.meta.url));

beforeAll(() => requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-quic'));

const directory = mkdtempSync(join(tmpdir(), 'nnrp-platforms-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs it in a process of its own. @throws Error (as a rejection) with what the process complains of */
async function told(file: string, ...options: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [...options, file], { timeout: TIMEOUT_MS });
  return JSON.parse(stdout);
}

describe('a session over QUIC', { timeout: TIMEOUT_MS }, () => {
  it('works in worker threads, several at once', async () => {
    const answers = Array.from({ length: 3 }, async () => {
      const worker = new Worker(SESSION);
      return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    });
    expect(await Promise.all(answers)).toEqual(Array(3).fill({ answer: 'ping', platform: HERE }));
  });

  it("works under Node's permission model, which allows no native code", async () => {
    const { allowedNodeEnvironmentFlags: flags } = process;
    const model = flags.has('--permission') ? ['--permission'] : ['--experimental-permission'];
    // Newer ones ask for the network, too.
    if (flags.has('--allow-net')) model.push('--allow-net');
    expect(await told(SESSION, ...model, '--allow-fs-read=*')).toEqual({ answer: 'ping', platform: HERE });
  });
});

describe('a bundle, which has the module in it or in a chunk beside it', { timeout: TIMEOUT_MS }, () => {
  const BUNDLE: Readonly<Record<string, (to: string) => Promise<unknown>>> = {
    'esbuild.mjs': (outfile) => esbuild(outfile, 'esm'),
    'esbuild.cjs': (outfile) => esbuild(outfile, 'cjs'),
    'webpack.cjs': webpack,
    'rolldown.mjs': vite,
  };
  for (const [file, bundle] of Object.entries(BUNDLE)) {
    it(`has its session: ${file}`, async () => {
      const to = join(directory, file);
      await bundle(to);
      expect(await told(to)).toEqual({ answer: 'ping', platform: HERE });
    });
  }
});

async function esbuild(outfile: string, format: 'esm' | 'cjs'): Promise<void> {
  const { build } = await import('esbuild');
  await build({ entryPoints: [SESSION], bundle: true, minify: true, platform: 'node', format, outfile });
}

async function webpack(to: string): Promise<void> {
  const make = bundlers('webpack') as (options: object) => {
    run(done: (error: Error | null, stats?: { hasErrors(): boolean; toString(): string }) => void): void;
  };
  const output = { path: directory, filename: to.slice(directory.length + 1) };
  const compiler = make({
    mode: 'production',
    target: 'node',
    entry: SESSION,
    output,
    performance: false,
    optimization: { minimize: false },
  });
  await new Promise<void>((resolve, reject) => {
    compiler.run((error, stats) => {
      if (error !== null || stats?.hasErrors() === true) reject(error ?? new Error(stats?.toString()));
      else resolve();
    });
  });
}

/** Vite bundles by Rolldown, which has taken the place of Rollup and has its interface. */
async function vite(to: string): Promise<void> {
  const place = pathToFileURL(bundlers.resolve('vite')).href;
  const { build } = (await import(place)) as { build(options: object): Promise<unknown> };
  const output = { format: 'es', entryFileNames: to.slice(directory.length + 1), codeSplitting: false };
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: SESSION,
      outDir: directory,
      emptyOutDir: false,
      minify: true,
      rolldownOptions: { output },
    },
  });
}
