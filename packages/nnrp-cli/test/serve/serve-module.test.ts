import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CliProcess, nnrp, serving } from '../cli-process.js';

const root = mkdtempSync(join(tmpdir(), 'nnrp-module-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder = root;
let projects = 0;
beforeEach(() => {
  folder = join(root, String(++projects));
  mkdirSync(folder);
});

/** As editors do it: another file takes the place of the old one. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return path;
}

async function answer(address: string, body = 'x'): Promise<string> {
  const { code, stdout, stderr } = await nnrp(['submit', '--to', address, body, '-o']);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('dropped')]);
  return stdout.toString();
}

describe('nnrp serve MODULE', () => {
  it.each([
    ['a handler', 'a.mjs', "export default ({ body }) => 'got ' + Buffer.from(body);"],
    [
      'an object of handlers',
      'b.mjs',
      "export default { text: 'got ', submit({ body }) { return this.text + Buffer.from(body); } };",
    ],
    [
      'an object of a class',
      'c.mjs',
      "class A { #t = 'got '; submit({ body }) { return this.#t + Buffer.from(body); } help() {} }\nexport default new A();",
    ],
    [
      'a class with static methods',
      'g.mjs',
      "export default class { static #t = 'got '; static submit({ body }) { return this.#t + Buffer.from(body); } }",
    ],
    ['a generator', 'd.mjs', "export default async function* ({ body }) { yield 'got '; return body; }"],
    ['CommonJS', 'e.cjs', "module.exports = ({ body }) => 'got ' + Buffer.from(body);"],
    [
      'CommonJS that was an ES module',
      'f.cjs',
      "exports.__esModule = true; exports.default = ({ body }) => 'got ' + Buffer.from(body);",
    ],
  ])('serves %s', async (_, name, text) => {
    const { server, address } = await serving(file(name, text));
    expect(await answer(address, 'this')).toBe('got this');
    expect((await server.stop()).code).toBe(0);
  });

  it.each([
    ['handlers.mjs', "export default () => {\n  throw new Error('on purpose');\n};"],
    ['handlers.cjs', "module.exports = async () => {\n  throw new Error('on purpose');\n};"],
  ])('says in which line a handler has failed: %s', async (name, text) => {
    const { server, address } = await serving(file(name, text));
    expect((await nnrp(['submit', '--to', address, 'x'])).code).toBe(1);
    const { stderr } = await server.stop();
    expect(stderr).toMatch(/^failed session 1 frame 1: on purpose \(\S+handlers\.[mc]js:2\)$/m);
  });

  it.each([
    ['a timer', "setTimeout(() => {\n  throw new Error('on purpose');\n}, 10);"],
    ['a promise that nobody awaits', "\nPromise.reject(new Error('on purpose'));"],
  ])('ends with 1 when %s of the module fails, and says in which line', async (_, text) => {
    const { server } = await serving(file('handlers.mjs', `${text}\nexport default () => 'x';`));
    const { code, stderr } = await server.ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(/internal error: on purpose \(\S+handlers\.mjs:2\)/)]);
  });

  it('reads the module again when it changes, or what it imports, and lets what runs finish with the old one', async () => {
    file('lib/part.mjs', "export const name = 'first';");
    const path = file(
      'handlers.mjs',
      `import { name } from './lib/part.mjs';
export default async function* ({ body, signal }) {
  yield name + ' ';
  if (Buffer.from(body).toString() === 'slow') {
    console.log('is running');
    await new Promise((resolve) => process.once('SIGUSR2', resolve));
  }
  return name;
}`,
    );
    const { server, address } = await serving(path, '--reload');
    expect(await answer(address)).toBe('first first');
    const slow = new CliProcess('bin.js', ['submit', '--to', address, 'slow', '-o']);
    await server.printed(/is running\n/);
    file('lib/part.mjs', "export const name = 'second';");
    await server.printed(new RegExp(`reloaded ${path}\n`), 'stderr');
    expect(await answer(address)).toBe('second second');
    server.child.kill('SIGUSR2');
    expect((await slow.ended).stdout.toString()).toBe('first first');
    file('handlers.mjs', "export default () => 'third';");
    await server.printed(/(?:reloaded .*\n[\s\S]*){2}/, 'stderr');
    expect(await answer(address)).toBe('third');
    expect((await server.stop()).code).toBe(0);
  });

  it('keeps the old handlers when the new module cannot be loaded, and says why', async () => {
    const path = file('handlers.mjs', "export default () => 'good';");
    const { server, address } = await serving(path, '--reload', '--quiet');
    file('handlers.mjs', 'export default () => {');
    await server.printed(/handlers\.mjs is not reloaded, its last handlers stay: .*cannot be loaded: .*\n/, 'stderr');
    expect(await answer(address)).toBe('good');
    file('handlers.mjs', 'export default { submit() {}, sesion() {} };');
    await server.printed(/there is no handler 'sesion'/, 'stderr');
    expect(await answer(address)).toBe('good');
    file('handlers.mjs', "export default () => 'better';");
    await server.printed(/reloaded /, 'stderr');
    expect(await answer(address)).toBe('better');
    await server.stop();
  });

  it('reads a module again whose last version never comes to its end, and says so meanwhile', async () => {
    const path = file('handlers.mjs', "export default () => 'good';");
    const { server, address } = await serving(path, '--reload');
    file('handlers.mjs', "await new Promise(() => {});\nexport default () => 'never';");
    await server.printed(/handlers\.mjs is still being loaded, its last handlers stay/, 'stderr');
    expect(await answer(address)).toBe('good');
    file('handlers.mjs', "export default () => 'better';");
    await server.printed(/reloaded /, 'stderr');
    expect(await answer(address)).toBe('better');
    await server.stop();
  });

  it.each([
    ['process.exit(3);', 3, 3],
    // Nothing was served, so that it is no success.
    ['process.exit(0);', 2, 0],
    ['await new Promise(() => {});', 13, 13],
  ])('says that the process ends while the module is loaded: %s', async (text, code, said) => {
    const ended = await nnrp([
      'serve',
      '--listen',
      '127.0.0.1:0',
      file('handlers.mjs', `${text}\nexport default () => 1;`),
    ]);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(
      `handlers.mjs: the process ends with code ${said} while it is loaded: it has called`,
    );
  });

  it('reads CommonJS again, with what it requires', async () => {
    file('part.cjs', "module.exports = 'first';");
    const path = file('handlers.cjs', "const part = require('./part.cjs'); module.exports = () => part;");
    const { server, address } = await serving(path, '--reload');
    expect(await answer(address)).toBe('first');
    file('part.cjs', "module.exports = 'second';");
    await server.printed(/reloaded /, 'stderr');
    expect(await answer(address)).toBe('second');
    await server.stop();
  });

  it('does not read a module again without --reload', async () => {
    const path = file('handlers.mjs', "export default () => 'first';");
    const { server, address } = await serving(path);
    file('handlers.mjs', "export default () => 'second';");
    expect(await answer(address)).toBe('first');
    await server.stop();
  });

  it('serves TypeScript where Node.js or the project reads it, and says what to do elsewhere', async () => {
    const path = file('handlers.ts', "export default (operation: { body: Uint8Array }): string => 'typed';");
    if (typeof (process.features as { typescript?: unknown }).typescript !== 'string') {
      const { code, stderr } = await nnrp(['serve', path]);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('does not read TypeScript: use Node.js 22.18 or later, or add tsx'),
      ]);
      // Stands in for tsx: what matters here is that the project's own is found and asked.
      file(
        'node_modules/tsx/package.json',
        '{"name":"tsx","exports":{"./package.json":"./package.json","./esm/api":{"import":{"default":"./api.mjs"}}}}',
      );
      file('node_modules/tsx/api.mjs', "export const tsImport = async () => ({ default: () => 'typed' });");
    }
    const { server, address } = await serving(path);
    expect(await answer(address)).toBe('typed');
    await server.stop();
  });

  it.each<[what: string, args: (path: (text: string, name?: string) => string) => string[], message: string]>([
    ['that is not there', () => ['missing.mjs'], 'missing.mjs: cannot be read'],
    ['that is no module', (at) => [at('{}', 'a.json')], 'expected a module, ending in one of .js, .mjs, .cjs, .ts'],
    ['that is a folder', () => [root], 'is no file'],
    ['that throws', (at) => [at("\nthrow new Error('on purpose');")], 'cannot be loaded: on purpose (file://'],
    ['that throws, in the line where it does', (at) => [at("\nthrow new Error('on purpose');")], 'handlers.mjs:2:'],
    ['that throws in a function', (at) => [at("function f() { throw new Error('x'); }\n\nf();")], 'handlers.mjs:1:'],
    ['that is no JavaScript', (at) => [at('export default {')], '(node --check shows the line)'],
    [
      'that imports what is not there',
      (at) => [at("import 'not-there';")],
      "cannot be loaded: Cannot find package 'not-there'",
    ],
    ['without a default export', (at) => [at('export const submit = () => {};')], 'has no default export'],
    ['that exports a text', (at) => [at("export default 'x';")], 'its default export is a string of 1 character'],
    ['without submit', (at) => [at('export default { close() {} };')], 'has no handler submit'],
    [
      'with a handler that is none',
      (at) => [at('export default { submit() {}, close: 1 };')],
      'the handler close takes a function, got 1',
    ],
    [
      'that exports a class',
      (at) => [at('export default class Handlers { submit() {} }')],
      'is a class without a static method submit: export an object of it, new Handlers()',
    ],
    [
      'with a class as a handler',
      (at) => [at('export default { submit: class {} };')],
      'the handler submit takes a function, got a class',
    ],
    [
      'whose export throws',
      (at) => [at("export default { get submit() { throw new Error('on purpose'); } };")],
      'handlers.mjs: its default export: on purpose',
    ],
    ['beside --handler', (at) => [at('export default () => {};'), '--handler', 'echo'], 'not both'],
  ])('exits with 2 for a module %s', async (_, args, message) => {
    const given = args((text, name = 'handlers.mjs') => file(name, text));
    const { code, stderr } = await nnrp(['serve', '--listen', '127.0.0.1:0', ...given]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it.each([
    [{ module: './none.js' }, /^nnrp: \S+serve\.json: module: \S+none\.js: cannot be read/],
    [{ reload: true }, /^nnrp: \S+serve\.json: reload: means nothing without a module/],
  ])('names the place in the configuration file: %j', async (said, text) => {
    const config = file('serve.json', JSON.stringify({ listeners: ['127.0.0.1:0'], ...said }));
    expect(await nnrp(['serve', '--config', config])).toMatchObject({ code: 2, stderr: expect.stringMatching(text) });
  });

  it('exits with 2 for --reload without a module', async () => {
    expect((await nnrp(['serve', '--reload'])).code).toBe(2);
  });
});
