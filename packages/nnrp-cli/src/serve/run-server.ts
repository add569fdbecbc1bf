import type { NnrpServer } from 'nnrp-runtime';
import type { CliIo } from '../cli-io.js';
import { CommandUsageError, ExitCode } from '../exit-code.js';
import { FileWatch } from '../files/file-watch.js';
import { errorText, writeLine } from '../terminal-text.js';
import { type BoundServer, bindServer } from './bind-server.js';
import type { LogLevel } from './config/log-level.js';
import { NO_FILE, readServerFile, type ServerFile } from './config/server-file.js';
import { drainOnClose } from './drain-on-close.js';
import { echo } from './echo-handler.js';
import { type ListenFlags, listenAddresses } from './listen-addresses.js';
import { type ServedModule, serveModule } from './module/served-module.js';
import { ServerLog } from './server-log.js';

/** What the command line says. What it leaves out, the file says, or a default. */
export interface ServeFlags extends ListenFlags {
  readonly handler?: 'echo' | 'tokens';
  readonly reload?: boolean;
  readonly quiet?: boolean;
  readonly logLevel?: LogLevel;
  /** Milliseconds; instead of what the file says. */
  readonly resumeWindow?: number;
}

const CERTIFICATES_MS = 1000;

/**
 * Serves until a signal comes.
 *
 * @throws CommandUsageError or UsageError when options, files or the configuration cannot work; any other error when an
 * address cannot be bound
 */
export async function runServer(path: string | undefined, flags: ServeFlags, io: CliIo): Promise<ExitCode> {
  const { config, quiet = false, resumeWindow } = flags;
  const read = config === undefined ? NO_FILE : readServerFile(config);
  const file =
    resumeWindow === undefined ? read : { ...read, config: { ...read.config, resumeWindowMs: resumeWindow } };
  const addresses = listenAddresses(flags, file);
  const log = new ServerLog(io, quiet ? 'silent' : (flags.logLevel ?? file.command.logLevel ?? 'info'));
  const module = await handlersFor(path, flags, file, io);
  try {
    const handshakeFailed = log.handshakeFailed.bind(log);
    const bound = await bindServer({ addresses, file, config, handshakeFailed });
    log.follow(bound.server);
    await serve(bound, module, log, io);
    return ExitCode.Ok;
  } finally {
    module.close();
    log.end();
  }
}

/** The handlers that are named. @throws CommandUsageError when they contradict each other, or cannot be loaded */
async function handlersFor(
  path: string | undefined,
  flags: ServeFlags,
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
    return serveModule(module, { defaults: { close: drainOnClose }, watch, tell });
  }
  if (watch) throw new CommandUsageError('--reload means nothing without a module');
  const handler = flags.handler ?? command.handler ?? 'echo';
  // The tokenizer alone takes a tenth of a second to load.
  const submit = handler === 'echo' ? echo : await (await import('./tokens-handler.js')).loadTokensHandler();
  return { isWatched: false, handlers: { submit, close: drainOnClose }, reload: async () => {}, close: () => {} };
}

async function serve(listening: BoundServer, module: ServedModule, log: ServerLog, io: CliIo): Promise<void> {
  const { server, bound } = listening;
  const forget = [closeOnSignal(server, log), followFiles(listening, module, io)];
  for (const { kind, address, certificate } of bound) {
    writeLine(io.stdout, `listening ${kind} ${address}`);
    if (certificate !== undefined) writeLine(io.stdout, `certificate ${certificate.path}`);
  }
  try {
    await server.serve(module.handlers);
    await server.close();
  } finally {
    for (const stop of forget) stop();
    for (const { certificate } of bound) certificate?.remove();
  }
}

/** @returns stops listening to signals */
function closeOnSignal(server: NnrpServer, log: ServerLog): () => void {
  let closing = false;
  const signalled = () => {
    if (closing) process.exit(ExitCode.Failed);
    closing = true;
    if (server.sessionCount > 0)
      log.write('info', `closing ${server.sessionCount} sessions; another signal ends them at once`);
    void server.close();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, signalled);
  return () => {
    for (const signal of signals) process.off(signal, signalled);
  };
}

/**
 * Renews certificates when their files change, or at SIGHUP; that reads a module again, too, where it is watched. A server
 * with neither has nothing to do at SIGHUP, and ends by it as other programs do.
 *
 * @returns stops it
 */
function followFiles({ certificateFiles, renew }: BoundServer, module: ServedModule, io: CliIo): () => void {
  const hasCertificates = certificateFiles.length > 0;
  if (!hasCertificates && !module.isWatched) return () => {};
  const renewed = () => {
    renew().then(
      () => writeLine(io.stderr, `renewed the certificates of ${certificateFiles.join(', ')}`),
      (error: unknown) => writeLine(io.stderr, `the certificates stay as they were: ${errorText(error)}`),
    );
  };
  const watch = new FileWatch(CERTIFICATES_MS, renewed);
  watch.add(certificateFiles);
  const hangUp = () => {
    if (hasCertificates) renewed();
    if (module.isWatched) void module.reload();
  };
  process.on('SIGHUP', hangUp);
  return () => {
    process.off('SIGHUP', hangUp);
    watch.close();
  };
}
