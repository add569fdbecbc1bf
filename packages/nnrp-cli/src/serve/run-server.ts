import type { NnrpServerOptions } from 'nnrp-runtime';
import type { CliIo } from '../cli-io.js';
import { ExitCode } from '../exit-code.js';
import { followFiles } from '../files/followed-files.js';
import { writeLine } from '../terminal-text.js';
import { type AdminFlags, type AdminNames, type AdminPort, openAdmin } from './admin-port.js';
import { type BoundServer, bindServer } from './bind-server.js';
import type { LogLevel } from './config/log-level.js';
import { NO_FILE, readServerFile, type ServerFile } from './config/server-file.js';
import { type ListenFlags, listenAddresses } from './listen-addresses.js';
import type { ServedModule } from './module/served-module.js';
import { connectionsWithin, limitsOfProcess } from './process/descriptors.js';
import { collectBodiesSoon } from './process/short-lived-memory.js';
import { onSignals } from './process/signals.js';
import { ServerLog } from './server-log.js';

/** What the command line says. What it leaves out, the file says, or a default. */
export interface RunFlags extends ListenFlags, AdminFlags {
  readonly quiet?: boolean;
  readonly logLevel?: LogLevel;
  /** Milliseconds; instead of what the file says. */
  readonly resumeWindow?: number;
}

/** What a server is to do. */
export interface Served {
  /** @throws CommandUsageError when they contradict what the file says, or cannot be loaded */
  handlers(file: ServerFile): Promise<ServedModule>;
  /** Options of the server where the file says nothing. */
  readonly defaults?: NnrpServerOptions;
}

/**
 * Serves until a signal comes.
 *
 * @throws CommandUsageError or UsageError when options, files or the configuration cannot work; any other error when an
 * address cannot be bound
 */
export async function runServer(flags: RunFlags, served: Served, io: CliIo): Promise<ExitCode> {
  const { config, alpn, quiet = false, resumeWindow } = flags;
  const read = config === undefined ? NO_FILE : readServerFile(config);
  const window = resumeWindow === undefined ? {} : { resumeWindowMs: resumeWindow };
  const fewer = connectionsWithin(limitsOfProcess());
  const file = { ...read, config: { ...fewer, ...served.defaults, ...read.config, ...window } };
  const addresses = listenAddresses(flags, file);
  const log = new ServerLog(io, quiet ? 'silent' : (flags.logLevel ?? file.command.logLevel ?? 'info'));
  const module = await served.handlers(file);
  collectBodiesSoon();
  try {
    const handshakeFailed = log.handshakeFailed.bind(log);
    const bound = await bindServer({ addresses, file, config, alpn, handshakeFailed });
    log.follow(bound.server);
    const admin = await openAdmin(bound.server, ...adminOf(flags, file)).catch(async (error: unknown) => {
      await endServer(bound);
      throw error;
    });
    await serve(bound, admin, module, log, io);
    return ExitCode.Ok;
  } finally {
    module.close();
    log.end();
  }
}

/** The command line wins: its address has its own token. */
function adminOf(
  { admin, adminToken, adminOpenProbes = false, config }: RunFlags,
  { command }: ServerFile,
): [AdminFlags, AdminNames] {
  if (admin !== undefined || command.admin === undefined) {
    const names = {
      address: `--admin ${admin}`,
      token: `--admin-token ${adminToken}`,
      tokenHint: '--admin-token FILE',
      probes: '--admin-open-probes',
    };
    return [{ ...(admin && { admin }), ...(adminToken && { adminToken }), adminOpenProbes }, names];
  }
  const { address, token, openProbes = false } = command.admin;
  const file = adminToken ?? token;
  const names = {
    address: `${config}: admin.address`,
    token: adminToken === undefined ? `${config}: admin.token ${token}` : `--admin-token ${adminToken}`,
    tokenHint: `admin.token, a file with it`,
    probes: adminOpenProbes ? '--admin-open-probes' : `${config}: admin.open_probes`,
  };
  return [{ admin: address, ...(file && { adminToken: file }), adminOpenProbes: adminOpenProbes || openProbes }, names];
}

async function endServer({ server, bound }: BoundServer): Promise<void> {
  for (const { certificate } of bound) certificate?.remove();
  await server.close();
}

async function serve(
  listening: BoundServer,
  admin: AdminPort | undefined,
  module: ServedModule,
  log: ServerLog,
  io: CliIo,
): Promise<void> {
  const { server, bound } = listening;
  const followed = [
    { what: 'the certificates', files: listening.certificateFiles, renew: listening.renew },
    ...(admin?.secrets === undefined ? [] : [admin.secrets]),
    ...(module.secrets ?? []),
  ];
  const unfollow = followFiles(followed, io, module.isWatched ? () => void module.reload() : undefined);
  const forgetSignals = onSignals(() => {
    // Nothing is renewed any more.
    unfollow();
    if (server.sessionCount > 0)
      log.write('info', `closing ${server.sessionCount} sessions; another signal ends them at once`);
    void server.close();
  });
  for (const { kind, address, certificate } of bound) {
    writeLine(io.stdout, `listening ${kind} ${address}`);
    if (certificate !== undefined) writeLine(io.stdout, `certificate ${certificate.path}`);
  }
  if (admin !== undefined) writeLine(io.stdout, `admin ${admin.address}`);
  try {
    await server.serve(module.handlers);
    await server.close();
  } finally {
    unfollow();
    forgetSignals();
    await admin?.close();
    for (const { certificate } of bound) certificate?.remove();
  }
}
