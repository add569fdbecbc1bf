import { type Command, Option } from 'commander';
import type { NnrpServer, ServeHandlers } from 'nnrp-runtime';
import type { CliIo } from '../cli-io.js';
import { sessionErrorName } from '../error-code-name.js';
import { CommandUsageError, ExitCode } from '../exit-code.js';
import { milliseconds } from '../options/milliseconds.js';
import { errorText, writeLine } from '../terminal-text.js';
import { addAddress, DEFAULT_ADDRESS } from '../transport/addresses.js';
import { bindServer, type ListenOptions } from './bind-server.js';
import { drainOnClose } from './drain-on-close.js';
import { echo } from './echo-handler.js';
import { LimitedLog } from './limited-log.js';
import { type ServedModule, serveModule } from './module/served-module.js';
import { loadTokensHandler } from './tokens-handler.js';

interface ServeCommandOptions extends Omit<ListenOptions, 'listen'> {
  readonly listen?: readonly string[];
  readonly handler?: string;
  readonly reload?: boolean;
  readonly quiet?: boolean;
}

const HANDLERS: Readonly<Record<string, () => Promise<ServeHandlers['submit']>>> = {
  echo: async () => echo,
  tokens: loadTokensHandler,
};

/** Adds `nnrp serve`. */
export function addServeCommand(program: Command, io: CliIo, done: (code: ExitCode) => void): void {
  program
    .command('serve')
    .description('serve sessions over TCP, TLS, QUIC, WebSocket or a Unix socket until SIGINT or SIGTERM')
    .argument(
      '[module]',
      'JavaScript or TypeScript whose default export is a handler of submits, or an object of handlers',
    )
    .option(
      '-l, --listen <address>',
      `HOST:PORT, where port 0 takes a free one, or a URL; may be given several times (default: ${DEFAULT_ADDRESS})`,
      addAddress,
    )
    .addOption(
      new Option('--handler <name>', 'how submits are answered without a module (default: echo)').choices(
        Object.keys(HANDLERS),
      ),
    )
    .option('--reload', 'read the module again when it changes, or what it imports of its project')
    .option(
      '--resume-window <ms>',
      'how long sessions outlive their connection; default 120000, 0 = not at all',
      milliseconds,
    )
    .option('-c, --config <file>', 'JSON file with options of the server')
    .option('--cert <file>', 'certificate of the server, then those that lead to its root; HOST:PORT speaks TLS then')
    .option('--key <file>', 'private key of that certificate')
    .option('--ca <file>', 'take only clients whose certificates lead to one of these')
    .option(
      '--quic',
      'HOST:PORT speaks QUIC; without --cert, with a self-signed certificate for localhost, 127.0.0.1 and ::1',
    )
    .option('-q, --quiet', 'do not log refused sessions, violations and lost connections')
    .addHelpText(
      'after',
      `
Handlers:
  echo    one result for each submit, with the same body
  tokens  takes the body as UTF-8 text and streams its o200k_base tokens as token-delta results
A module has handlers of your own, as 'server.serve' of nnrp-runtime takes them: export default ({ body }) => body.
TypeScript needs Node.js 22.18, or tsx in the project of the module.

Addresses are nnrp://HOST:PORT (TCP), nnrps:// (TLS), nnrp+quic://, ws://HOST:PORT/path, wss:// (WebSocket) and
unix:/path. All or none are listened on; then a line for each is printed: 'listening tcp HOST:PORT', 'listening tls',
'listening quic', 'listening websocket URL' or 'listening ipc PATH'. nnrps://, wss://, and nnrp+quic:// beyond this
machine, need --cert and --key. The first signal closes gracefully, the second at once.

Where 'nnrp serve --quic' has made its certificate itself, it leaves a copy in a folder of this user until it ends, and
prints the path. 'nnrp submit --quic' looks there, so the two find and verify each other without further options.

Examples:
  $ nnrp serve
  $ nnrp serve --listen 0.0.0.0:4433 --handler tokens
  $ nnrp serve ./handlers.js --reload
  $ nnrp serve --cert server.pem --key server.key
  $ nnrp serve --listen unix:/run/user/1000/nnrp.sock --listen ws://127.0.0.1:8080/nnrp
  $ nnrp serve --listen nnrps://0.0.0.0:4433 --listen wss://0.0.0.0:8443/nnrp --cert server.pem --key server.key
  $ nnrp serve --quic
  $ nnrp serve --quic --listen 0.0.0.0:4433 --cert server.pem --key server.key
  $ echo '{"max_in_flight_operations": 64, "schemas": [[4097, 3]]}' > server.json && nnrp serve --config server.json`,
    )
    .action(async (module: string | undefined, options: ServeCommandOptions) => {
      done(await serve(module, options, io));
    });
}

/** The handlers that the options name. @throws CommandUsageError when they contradict each other, or cannot be loaded */
async function handlersFor(path: string | undefined, options: ServeCommandOptions, io: CliIo): Promise<ServedModule> {
  const { handler, reload = false } = options;
  if (path === undefined) {
    if (reload) throw new CommandUsageError('--reload means nothing without a module');
    const submit = await HANDLERS[handler ?? 'echo']!();
    return { handlers: { submit, close: drainOnClose }, reload: async () => {}, close: () => {} };
  }
  if (handler !== undefined) throw new CommandUsageError('give a module or --handler, not both');
  const tell = (line: string) => writeLine(io.stderr, line);
  return serveModule(path, { defaults: { close: drainOnClose }, watch: reload, tell });
}

async function serve(path: string | undefined, options: ServeCommandOptions, io: CliIo): Promise<ExitCode> {
  const log = new LimitedLog(io.stderr);
  const report = (text: string) => {
    if (!options.quiet) log.line(text);
  };
  const module = await handlersFor(path, options, io);
  const listen = options.listen ?? [DEFAULT_ADDRESS];
  const { server, bound } = await bindServer({ ...options, listen }, (error) => report(error.message)).catch(
    (error) => {
      module.close();
      throw error;
    },
  );
  server.on('sessionRefused', ({ remoteAddress, errorCode, cause }) => {
    report(
      `refused ${remoteAddress}: ${sessionErrorName(errorCode)}${cause === undefined ? '' : `, ${errorText(cause)}`}`,
    );
  });
  server.on('protocolViolation', ({ remoteAddress, sessionId, error }) => {
    report(`violation ${remoteAddress} session ${sessionId}: ${error.message}`);
  });
  server.on('connectionLost', ({ remoteAddress, sessionIds, error }) => {
    const sessions = sessionIds.length === 1 ? '1 session' : `${sessionIds.length} sessions`;
    report(`lost ${remoteAddress} with ${sessions}: ${error.message}`);
  });
  server.on('handlerFailure', ({ sessionId, frameId, error }) => {
    report(`failed session ${sessionId} frame ${frameId}: ${errorText(error)}`);
  });
  server.on('acceptFailed', ({ failures, error }) => {
    report(`cannot take connections (${failures} since the last line): ${error.message}`);
  });
  server.on('listenerFailed', (error) => report(`listens on one address less: ${error.message}`));
  server.on('sessionSuspended', ({ remoteAddress, sessionId, windowMs }) => {
    report(`suspended session ${sessionId} of ${remoteAddress}: it can be resumed for ${windowMs} ms`);
  });
  server.on('sessionResumed', ({ remoteAddress, sessionId, awayMs }) => {
    report(`resumed session ${sessionId} of ${remoteAddress} after ${awayMs} ms`);
  });
  server.on('sessionExpired', ({ error }) => report(`expired: ${error.message}`));
  const forget = closeOnSignal(server, report);
  for (const { kind, address, certificate } of bound) {
    writeLine(io.stdout, `listening ${kind} ${address}`);
    if (certificate !== undefined) writeLine(io.stdout, `certificate ${certificate.path}`);
  }
  try {
    await server.serve(module.handlers);
    await server.close();
  } finally {
    forget();
    module.close();
    for (const { certificate } of bound) certificate?.remove();
    log.end();
  }
  return ExitCode.Ok;
}

/** @returns stops listening to signals */
function closeOnSignal(server: NnrpServer, report: (text: string) => void): () => void {
  let closing = false;
  const signalled = () => {
    if (closing) process.exit(ExitCode.Failed);
    closing = true;
    if (server.sessionCount > 0) report(`closing ${server.sessionCount} sessions; another signal ends them at once`);
    void server.close();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, signalled);
  return () => {
    for (const signal of signals) process.off(signal, signalled);
  };
}
