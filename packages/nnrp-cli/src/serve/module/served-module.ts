import { createRequire, register } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ServeHandlers } from 'nnrp-runtime';
import { FileWatch } from '../../files/file-watch.js';
import type { FollowedFiles } from '../../files/followed-files.js';
import { errorText } from '../../terminal-text.js';
import { CurrentHandlers } from './handler-module.js';
import { type ImportModule, importerOf, loadHandlers } from './load-module.js';
import { whileLoading } from './loading-end.js';
import { GENERATION } from './reload-hooks.js';

const WATCH_MS = 250;
/** After so long a module that is not loaded yet is worth a word. */
const SLOW_MS = 3000;
const UNBUNDLED =
  '--reload needs a file of nnrp-cli that is not beside this program: a bundler has to leave nnrp-cli out of the bundle, as external';
/** A bundle of CommonJS has no place; the cache is one for the whole process. */
const requireCache = createRequire((import.meta.url as string | undefined) ?? process.execPath).cache;

/** A module whose handlers a server runs. */
export interface ServedModule {
  readonly handlers: ServeHandlers;
  /** Whether it is read again when its files change. */
  readonly isWatched: boolean;
  /** Reads it again; what cannot be loaded changes nothing. Never rejects. */
  reload(): Promise<void>;
  /** Files of its own that are read again while it serves; default none. */
  readonly secrets?: readonly FollowedFiles[];
  close(): void;
}

/** How a module is served. */
export interface ServedModuleOptions {
  /** Handlers that are in force where the module has none. */
  readonly defaults: Partial<ServeHandlers>;
  /** Whether it is read again when its files change. */
  readonly watch: boolean;
  /** Is told of each reload, in one line. */
  tell(line: string): void;
}

/**
 * Loads a module.
 *
 * @throws CommandUsageError when it cannot be loaded, or does not export handlers
 */
export async function serveModule(path: string, options: ServedModuleOptions): Promise<ServedModule> {
  const importModule = await importerOf(path);
  if (options.watch) return ReloadedModule.load(path, importModule, options);
  const { handlers } = new CurrentHandlers(
    await whileLoading(path, () => loadHandlers(path, importModule)),
    options.defaults,
  );
  return { handlers, isWatched: false, reload: async () => {}, close: () => {} };
}

/** A module that is read again, with all that it imports of its project. */
class ReloadedModule implements ServedModule {
  readonly isWatched = true;
  private readonly watch = new FileWatch(WATCH_MS, () => void this.reload());
  private current: CurrentHandlers | undefined;
  private generation = 0;

  private constructor(
    private readonly path: string,
    private readonly importModule: ImportModule,
    private readonly options: ServedModuleOptions,
  ) {}

  static async load(path: string, importModule: ImportModule, options: ServedModuleOptions): Promise<ReloadedModule> {
    const module = new ReloadedModule(path, importModule, options);
    listenToLoader((file) => module.watch.add([file]));
    try {
      await module.read();
    } catch (error) {
      module.close();
      throw error;
    }
    return module;
  }

  get handlers(): ServeHandlers {
    return (this.current as CurrentHandlers).handlers;
  }

  async reload(): Promise<void> {
    const { path, options } = this;
    const slow = setTimeout(
      () => options.tell(`${path} is still being loaded, its last handlers stay: does it await what never comes?`),
      SLOW_MS,
    ).unref();
    try {
      if (await this.read()) options.tell(`reloaded ${path}`);
    } catch (error) {
      options.tell(`${path} is not reloaded, its last handlers stay: ${errorText(error)}`);
    } finally {
      clearTimeout(slow);
    }
  }

  close(): void {
    this.watch.close();
  }

  /**
   * One that is under way may have read the file before it changed, or never come to its end, so that none waits for another:
   * the one that was begun last counts.
   *
   * @returns false when another one was begun meanwhile
   */
  private async read(): Promise<boolean> {
    const { path, watch, options } = this;
    const generation = ++this.generation;
    watch.add([resolve(path)]);
    forgetCommonJs();
    try {
      const handlers = await whileLoading(path, () =>
        loadHandlers(path, this.importModule, `?${GENERATION}=${generation}`),
      );
      if (generation !== this.generation) return false;
      if (this.current === undefined) this.current = new CurrentHandlers(handlers, options.defaults);
      else this.current.replace(handlers);
      return true;
    } catch (error) {
      if (generation !== this.generation) return false;
      throw error;
    } finally {
      watch.add(commonJsFiles());
    }
  }
}

/** @param found - is told of each file of the project that a module with a generation imports */
function listenToLoader(found: (path: string) => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', (url: string) => found(fileURLToPath(url)));
  port1.unref();
  const data: { readonly port: MessagePort } = { port: port2 };
  try {
    register('./reload-hooks.js', { parentURL: import.meta.url, data, transferList: [port2] });
  } catch (error) {
    throw new Error(UNBUNDLED, { cause: error });
  }
}

/** Modules of CommonJS are cached by their path, whatever the URL says. */
function commonJsFiles(): string[] {
  return Object.keys(requireCache).filter((path) => !/[\\/]node_modules[\\/]/.test(path));
}

function forgetCommonJs(): void {
  for (const path of commonJsFiles()) Reflect.deleteProperty(requireCache, path);
}
