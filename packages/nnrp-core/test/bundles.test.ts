import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { describe, expect, it } from 'vitest';

/*
 * What the package costs in a browser's bundle. The sources are bundled as the built modules would be: one module each,
 * under the package.json that says that none of them has side effects.
 */

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const ALIAS = {
  'nnrp-core/preview3/struct-table': `${PACKAGE}src/generated/preview3/struct-table.ts`,
  'nnrp-core/preview4/struct-table': `${PACKAGE}src/generated/preview4/struct-table.ts`,
  'nnrp-core/preview3': `${PACKAGE}src/preview3.ts`,
  'nnrp-core/preview4': `${PACKAGE}src/preview4.ts`,
  'nnrp-core': `${PACKAGE}src/index.ts`,
};

/** The splitter checks the metadata of every message, so their rules are in the bundle whatever the sample decodes. */
const SAMPLE_LIMIT = 37_000;
/** Reading a body checks all of its regions. */
const PAYLOADS_LIMIT = 32_500;
/** FRAME_SUBMIT has the largest codec. Half of it are the errors, which show themselves in logs. */
const CODEC_LIMIT = 9_500;

/** What both revisions cost at most, of what a program costs that has everything of one. */
const BOTH_LIMIT = 1.25;

/** The minified bundle of a program. */
async function bundle(contents: string, plugins: Plugin[] = []): Promise<string> {
  return (await bundled(contents, plugins)).code;
}

/** The same, with the modules that something of is in it, as paths below src. */
async function bundled(contents: string, plugins: Plugin[] = []): Promise<{ code: string; modules: string[] }> {
  const result = await build({
    stdin: { contents, resolveDir: PACKAGE },
    alias: ALIAS,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
    plugins,
    metafile: true,
  });
  const inputs = Object.values(result.metafile.outputs)[0]?.inputs ?? {};
  const used = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { code: result.outputFiles[0]?.text ?? '', modules: used.map(([path]) => path.replace(/^.*\/src\//, '')) };
}

/**
 * Takes back what package.json says of the tables and codecs, so that one of their modules is left out only when each of
 * its statements is known to be pure.
 */
const trustless: Plugin = {
  name: 'trustless',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const source = resolve(resolveDir, path.replace(/\.js$/, '.ts'));
      return { path: source, sideEffects: /\/src\/(generated|bytes|machine)\//.test(source) };
    });
  },
};

/** Draws a factor in a statement of a module. */
const impure: Plugin = {
  name: 'impure',
  setup({ onLoad }) {
    const contents = 'const factor = Math.random(); export const oddFactor = () => factor;';
    onLoad({ filter: /odd-factor\.ts$/ }, () => ({ contents, loader: 'ts' }));
  },
};

const [sample = '', ...programs] = [...readFileSync(`${PACKAGE}README.md`, 'utf8').matchAll(/```js\n(.*?)```/gs)].map(
  ([, code]) => code ?? '',
);

/** What a bundled program prints, one list a line. */
async function printed(program: string): Promise<unknown[][]> {
  const lines: unknown[][] = [];
  const code = await bundle(program);
  new Function('console', code)({ log: (...values: unknown[]) => void lines.push(values) });
  return lines;
}

describe('a bundle holds what is used and no more', () => {
  it('of the sample in the README', async () => {
    expect(sample).toContain('PacketSplitter');
    const code = await bundle(`const chunk = globalThis.chunk;\n${sample}`);
    expect(code.length).toBeLessThan(SAMPLE_LIMIT);
  });

  it('of one codec, whether it is imported by name or through the namespace', async () => {
    const byName = await bundle("export { decodeFrameSubmit } from 'nnrp-core/preview3';");
    const through = await bundle(
      "import * as preview3 from 'nnrp-core/preview3'; export const { decodeFrameSubmit } = { decodeFrameSubmit: preview3.decodeFrameSubmit };",
    );
    expect(byName).toContain('FRAME_SUBMIT');
    expect(byName).not.toContain('SESSION_OPEN');
    expect(byName.length).toBeLessThan(CODEC_LIMIT);
    expect(through.length).toBeLessThan(CODEC_LIMIT);
  });

  it('of one enum: nothing else', async () => {
    const code = await bundle("import { SubmitMode } from 'nnrp-core/preview3'; console.log(SubmitMode.Mixed);");
    expect(code.length).toBeLessThan(120);
  });

  it('of modules that are loaded and not used: nothing', async () => {
    const code = await bundle(
      "import 'nnrp-core'; import 'nnrp-core/preview3'; import 'nnrp-core/preview3/struct-table'; " +
        "import 'nnrp-core/preview4'; import 'nnrp-core/preview4/struct-table';",
    );
    expect(code.trim()).toBe('');
  });

  it('of generated modules, even where nothing is known of side effects', async () => {
    for (const revision of ['preview3', 'preview4']) {
      const folder = `./src/generated/${revision}/`;
      const code = await bundle(`import '${folder}index.js'; import '${folder}struct-table.js';`, [trustless]);
      expect(code.trim(), revision).toBe('');
    }
    // It would find a statement that has effects.
    expect(await bundle("import './src/machine/collections/id-map.js';", [impure, trustless])).toContain('Math.random');
  });

  it('nor do the factors of ids: their annotations stand before calls, as Rollup wants them too', async () => {
    for (const module of ['id-map', 'spread-id', 'id-table'])
      expect(await bundle(`import './src/machine/collections/${module}.js';`, [trustless]), module).toBe('');
  });
});

describe('two revisions', () => {
  /** Modules of preview3 that preview4 exports again, or reads places from that are the same in both. */
  const shared = [
    ...readFileSync(`${PACKAGE}src/generated/preview4/index.ts`, 'utf8').matchAll(/'\.\.\/(preview3\/[a-z-]+)\.js'/g),
  ].map(([, module]) => `generated/${module}.ts`);
  const PLACES = [
    'body-region-prelude',
    'common-header',
    'flow-update',
    'object-reference-block',
    'tensor-section-descriptor',
    'typed-payload-descriptor',
  ];
  const isShared = (module: string) =>
    shared.includes(module) ||
    /^generated\/preview3\/(enums|flags|names)\.ts$/.test(module) ||
    PLACES.some((name) => module === `generated/preview3/${name}.ts`);

  it('are not both in a program that uses preview3', async () => {
    for (const program of [
      "export * as preview3 from 'nnrp-core/preview3';",
      "export { decodePacket, PacketSplitter } from 'nnrp-core';",
    ]) {
      const { modules } = await bundled(program);
      expect(modules.length).toBeGreaterThan(20);
      expect(modules.filter((module) => module.includes('preview4'))).toEqual([]);
    }
  });

  it('are not both in a program that uses preview4', async () => {
    expect(shared.length).toBeGreaterThan(15);
    for (const program of [
      "export * as preview4 from 'nnrp-core/preview4';",
      "export { decodePacket, PacketSplitter } from 'nnrp-core/preview4';",
    ]) {
      const { code, modules } = await bundled(program);
      expect(modules.filter((module) => module.includes('preview3') && !isShared(module))).toEqual([]);
      expect(code).not.toContain('tensor_section_descriptor.reserved');
      expect(code).not.toContain('"preview3"');
    }
  });

  it(`cost at most ${BOTH_LIMIT} times what one costs`, async () => {
    const one = await bundle("export * as preview4 from 'nnrp-core/preview4';");
    const both = await bundle(
      "export * as preview3 from 'nnrp-core/preview3'; export * as preview4 from 'nnrp-core/preview4';",
    );
    expect(both.length / one.length).toBeLessThan(BOTH_LIMIT);
    expect(both.length / one.length).toBeGreaterThan(1.05);
  });
});

describe('the other samples of the README', () => {
  it('do what they say', async () => {
    expect(programs).toHaveLength(2);
    const [payloads = '', tensors = ''] = programs;
    expect(await printed(payloads)).toEqual([
      ['token_chunk', 'Let me look. '],
      ['tool_delta', { name: 'search', arguments: { query: 'nnrp' } }],
    ]);
    expect(await printed(tensors)).toEqual([['fp32', [1, 3, 224, 224], 150528]]);
  });

  it('bundle to what they use', async () => {
    for (const program of programs) expect((await bundle(program)).length).toBeLessThan(PAYLOADS_LIMIT);
  });
});
