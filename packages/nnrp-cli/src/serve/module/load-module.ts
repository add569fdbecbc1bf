import { readFileSync, type Stats, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ServeHandlers } from 'nnrp-runtime';
import { CommandUsageError, isCommandUsageError } from '../../exit-code.js';
import { errorText } from '../../terminal-text.js';
import { handlersOf } from './handler-module.js';

const TYPESCRIPT = ['.ts', '.mts', '.cts'];
/** Node.js would read it all before it says what is wrong. */
const MOST_BYTES = 256 * 1024 * 1024;
const KNOWN = ['.js', '.mjs', '.cjs', ...TYPESCRIPT];

/** Reads a module by its URL; which part of Node.js or of the user's project does it depends on the file. */
export type ImportModule = (url: string) => Promise<unknown>;

/**
 * What reads the module: Node.js itself, or tsx of the user's project for TypeScript that this Node.js does not read.
 *
 * @throws CommandUsageError when there is no such file, or nothing reads it; it says what to do
 */
export async function importerOf(path: string): Promise<ImportModule> {
  const file = resolve(path);
  let stats: Stats;
  try {
    stats = statSync(file);
  } catch (error) {
    throw new CommandUsageError(`${path}: cannot be read: ${(error as Error).message}`);
  }
  if (!stats.isFile())
    throw new CommandUsageError(`${path}: is no file: expected a module of JavaScript or TypeScript`);
  if (stats.size > MOST_BYTES)
    throw new CommandUsageError(`${path}: has ${stats.size} bytes: expected a module of at most ${MOST_BYTES}`);
  const extension = extname(file).toLowerCase();
  if (!KNOWN.includes(extension))
    throw new CommandUsageError(`${path}: expected a module, ending in one of ${KNOWN.join(', ')}`);
  const isRead = !TYPESCRIPT.includes(extension) || typeof stripsTypes() === 'string';
  return isRead ? (url) => import(url) : tsxImporter(path, file);
}

/**
 * Imports a module and takes its handlers.
 *
 * @throws CommandUsageError that names the module: when it cannot be imported, throws, or does not export handlers
 */
export async function loadHandlers(path: string, importModule: ImportModule, query = ''): Promise<ServeHandlers> {
  const url = `${pathToFileURL(resolve(path)).href}${query}`;
  let exported: unknown;
  try {
    exported = await importModule(url);
  } catch (error) {
    throw isCommandUsageError(error) ? error : new CommandUsageError(`${path}: cannot be loaded: ${reasonOf(error)}`);
  }
  try {
    return handlersOf(commonJs(exported), path);
  } catch (error) {
    // A getter may throw.
    throw isCommandUsageError(error)
      ? error
      : new CommandUsageError(`${path}: its default export: ${errorText(error)}`);
  }
}

/** What Node.js does to types; false or undefined when nothing. */
function stripsTypes(): unknown {
  return (process.features as { readonly typescript?: unknown }).typescript;
}

async function tsxImporter(path: string, file: string): Promise<ImportModule> {
  const api = tsxApi(file);
  if (api === undefined)
    throw new CommandUsageError(
      `${path}: Node.js ${process.version} does not read TypeScript: use Node.js 22.18 or later, or add tsx to the project of ` +
        'the module (npm install --save-dev tsx), or give the JavaScript that it compiles to',
    );
  const { tsImport } = (await import(pathToFileURL(api).href)) as {
    tsImport(url: string, parent: string): Promise<unknown>;
  };
  // Each call has a name space of its own: the module and all that it imports are read anew.
  return (url) => tsImport(url, pathToFileURL(file).href);
}

/** The module of tsx that imports; undefined where the project has none. `require.resolve` would find the one for `require`. */
function tsxApi(file: string): string | undefined {
  try {
    const manifest = createRequire(file).resolve('tsx/package.json');
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as { exports: Record<string, TsxExport> };
    const api = exports['./esm/api']?.import?.default;
    return api === undefined ? undefined : resolve(dirname(manifest), api);
  } catch {
    return undefined;
  }
}

interface TsxExport {
  readonly import?: { readonly default?: string };
}

/** A module of CommonJS that was compiled from an ES module has its default export one level further down. */
function commonJs(exported: unknown): unknown {
  const { default: given } = (exported ?? {}) as { readonly default?: unknown };
  const isCompiled = typeof given === 'object' && given !== null && '__esModule' in given;
  return isCompiled ? given : exported;
}

/** With the place in the stack where a module stands: of a syntax error, where Node.js says it, or of what has thrown. */
function reasonOf(error: unknown): string {
  const text = errorText(error);
  const { stack, name } = (error ?? {}) as { readonly stack?: unknown; readonly name?: unknown };
  const [, place] = /(?:^|^ +at .*?)\(?(file:[^\s()]+:\d+)\)?$/m.exec(String(stack)) ?? [];
  // Node.js keeps to itself where a module is no JavaScript.
  if (place === undefined) return name === 'SyntaxError' ? `${text} (node --check shows the line)` : text;
  return `${text} (${place.replace(/\?[^:]*/, '')})`;
}
