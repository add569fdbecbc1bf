import type { CliIo } from '../cli-io.js';
import { CommandUsageError, isCommandUsageError } from '../exit-code.js';
import { writeLine } from '../terminal-text.js';
import type { ServerFile } from './config/server-file.js';
import { echo } from './echo-handler.js';
import { type ServedModule, serveModule } from './module/served-module.js';
import { drainOnClose } from './process/drain-on-close.js';

/** What the command line says of handlers. What it leaves out, the file says, or a default. */
export interface HandlerFlags {
  readonly handler?: 'echo' | 'tokens';
  readonly reload?: boolean;
  readonly config?: string;
}

/** The handlers that are named. @throws CommandUsageError when they contradict each other, or cannot be loaded */
export async function namedHandlers(
  path: string | undefined,
  flags: HandlerFlags,
  { command }: ServerFile,
  io: CliIo,
): Promise<ServedModule> {
  if (path !== undefined && flags.handler !== undefined)
    throw new CommandUsageError('give a module or --handler, not both');
  const isOfFile = path === undefined && flags.handler === undefined;
  const module = isOfFile ? command.module : path;
  const watch = flags.reload ?? command.reload ?? false;
  if (module !== undefined) {
    if (isOfFile && command.handler !== undefined)
      throw new CommandUsageError(`${flags.config}: handler: there is a module, too: give one of them`);
    const tell = (line: string) => writeLine(io.stderr, line);
    const serving = serveModule(module, { defaults: { close: drainOnClose }, watch, tell });
    if (!isOfFile) return serving;
    return serving.catch((error: unknown) => {
      throw isCommandUsageError(error) ? new CommandUsageError(`${flags.config}: module: ${error.message}`) : error;
    });
  }
  if (watch) {
    const named = flags.reload === undefined ? `${flags.config}: reload:` : '--reload';
    throw new CommandUsageError(`${named} means nothing without a module`);
  }
  const handler = flags.handler ?? command.handler ?? 'echo';
  // The tokenizer alone takes a tenth of a second to load.
  const submit = handler === 'echo' ? echo : await (await import('./tokens-handler.js')).loadTokensHandler();
  return { isWatched: false, handlers: { submit, close: drainOnClose }, reload: async () => {}, close: () => {} };
}
