import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { createLogger, build as vite } from 'vite';
import webpack from 'webpack';

/**
 * Where a bundle is for, as each bundler is told. Neutral is what esbuild is where no condition but those named holds, as in
 * Metro, the bundler of React Native.
 */
const ESBUILD = {
  browser: { platform: 'browser' },
  worker: { platform: 'neutral', conditions: ['worker'] },
  'react-native': { platform: 'neutral', conditions: ['react-native'] },
  workerd: { platform: 'browser', conditions: ['workerd', 'worker', 'browser'] },
};
const WEBPACK = { browser: 'web', worker: 'webworker' };

/**
 * Bundles a file for production.
 *
 * @param bundler - esbuild, Vite or webpack
 * @param place - browser, worker, react-native or workerd
 * @param entry - the file
 * @returns the code, one script, or one module for workerd
 * @throws Error when the bundler warns of something, or leaves a module of Node.js in
 */
export async function bundle(bundler, place, entry) {
  const { code, warnings } = await BUNDLERS[bundler](entry, place);
  if (warnings.length > 0) throw new Error(`it warns: ${warnings.join('\n')}`);
  const [left] = /(?:from|import|require)[\s(]*["'`]node:\w*/.exec(code) ?? [];
  if (left !== undefined) throw new Error(`there is ${left} in the bundle`);
  return code;
}

/**
 * What a page loads before it connects, where a bundler splits what is imported later from the rest.
 *
 * @param entry - the file
 * @returns the code of each file
 */
export async function loadedAtFirst(entry) {
  const { outputFiles, metafile } = await esbuild({
    entryPoints: [entry],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    outdir: join(entry, '..', 'bundled'),
    write: false,
    metafile: true,
    logLevel: 'silent',
    ...ESBUILD.browser,
  });
  const { outputs } = metafile;
  const codes = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  const first = new Set(
    Object.keys(outputs).filter((path) => basename(outputs[path].entryPoint ?? '') === basename(entry)),
  );
  for (const path of first)
    for (const { kind, path: imported } of outputs[path].imports) if (kind === 'import-statement') first.add(imported);
  return [...first].map((path) => codes.get(basename(path)));
}

const BUNDLERS = {
  async esbuild(entry, place) {
    const { outputFiles, warnings } = await esbuild({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: place === 'workerd' ? 'esm' : 'iife',
      write: false,
      logLevel: 'silent',
      ...ESBUILD[place],
    });
    return { code: outputFiles[0].text, warnings: warnings.map(({ text }) => text) };
  },

  async Vite(entry) {
    const warnings = [];
    // In one script, what Vite itself puts before each import() has no import.meta, and needs none.
    const warn = (message) => {
      if (!message.includes('vite/preload-helper')) warnings.push(message);
    };
    const { output } = await vite({
      root: join(entry, '..'),
      configFile: false,
      logLevel: 'silent',
      customLogger: { ...createLogger('silent'), warn, warnOnce: warn, error: warn },
      build: { write: false, rolldownOptions: { input: entry, output: { format: 'iife' } } },
    });
    if (output.length !== 1) throw new Error(`it makes ${output.length} files of one`);
    return { code: output[0].code, warnings };
  },

  async webpack(entry, place) {
    const path = join(entry, '..', 'bundled');
    const compiler = webpack({
      mode: 'production',
      target: WEBPACK[place],
      context: join(entry, '..'),
      entry,
      output: { path, filename: 'webpack.js' },
      // A context of vm has no address that a second file could be loaded from.
      module: { parser: { javascript: { dynamicImportMode: 'eager' } } },
      // It warns of whatever is above 244 KiB before compression. The size is looked at below.
      performance: false,
    });
    const stats = await new Promise((resolve, reject) => {
      compiler.run((error, result) => compiler.close(() => (error ? reject(error) : resolve(result))));
    });
    const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
    const code = readFileSync(join(path, 'webpack.js'), 'utf8');
    return { code, warnings: [...errors, ...warnings].map(({ message }) => message) };
  },
};
