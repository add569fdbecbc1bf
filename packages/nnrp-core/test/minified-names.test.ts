import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import * as core from '../src/index.js';

type Exports = Readonly<Record<string, unknown>>;

const errors = Object.entries(core as Exports).filter(([, value]) => isErrorClass(value));

function isErrorClass(value: unknown): value is new (...args: never[]) => Error {
  return typeof value === 'function' && value.prototype instanceof Error;
}

it('errors keep their names in code that a bundler has minified', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  });
  const code = outputFiles[0]?.text ?? '';
  const minified: Exports = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  expect(errors.length).toBeGreaterThan(10);
  for (const [name] of errors) expect(minified[name]).toHaveProperty('name', name);

  const { UsageError } = minified as unknown as typeof core;
  expect(String(new UsageError('it is so'))).toMatch(/^UsageError: /);
  class OfTheApplication extends UsageError {}
  expect(new OfTheApplication('it is so').name).toBe('OfTheApplication');
});
