import { Command, type CommanderError } from 'commander';
import type { CliIo } from './cli-io.js';
import { ExitCode } from './exit-code.js';
import { packageVersion } from './package-version.js';
import { reportFailure } from './report-failure.js';
import { printableLines } from './terminal-text.js';

/** Adds one command to the program; the command reports its exit code when it is done. */
export type AddCommand = (program: Command, io: CliIo, done: (code: ExitCode) => void) => void;

/** In the order of the help. Only what is called is loaded. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  decode: async () => (await import('./codec/codec-commands.js')).addDecodeCommand,
  encode: async () => (await import('./codec/codec-commands.js')).addEncodeCommand,
  serve: async () => (await import('./serve/serve-command.js')).addServeCommand,
  submit: async () => (await import('./submit/submit-command.js')).addSubmitCommand,
  gateway: async () => (await import('./gateway/gateway-command.js')).addGatewayCommand,
  openai: async () => (await import('./gateway/openai-command.js')).addOpenAiCommand,
  ping: async () => (await import('./ping/ping-command.js')).addPingCommand,
  status: async () => (await import('./status/status-command.js')).addStatusCommand,
  top: async () => (await import('./status/top-command.js')).addTopCommand,
  cert: async () => (await import('./cert/cert-command.js')).addCertCommand,
  'conformance-adapter': async () =>
    (await import('./conformance/adapter/adapter-command.js')).addConformanceAdapterCommand,
  'conformance-driver': async () =>
    (await import('./conformance/driver/driver-command.js')).addConformanceDriverCommand,
  'conformance-target': async () =>
    (await import('./conformance/target/target-command.js')).addConformanceTargetCommand,
};

/**
 * Runs `nnrp` with these arguments (without node and script) to its end. Never rejects and never ends the process.
 *
 * @returns the exit code: 0 done, 1 refused or failed, 2 the command line is wrong
 */
export async function runCli(args: readonly string[], io: CliIo = process): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Ok;
  const program = new Command('nnrp')
    .description('NNRP/1: decode and encode packets, serve, submit and ping over TCP, TLS, QUIC and WebSocket')
    .version(packageVersion())
    .showHelpAfterError('(add --help for the options and examples)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(printableLines(text)),
    });
  for (const add of await commandsFor(args)) {
    add(program, io, (done) => {
      code = done;
    });
  }
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (isCommanderError(error)) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage;
    return reportFailure(error, io);
  }
}

/** The command that the arguments begin with; all of them for a help of the whole, or a mistake. */
function commandsFor([name = '']: readonly string[]): Promise<AddCommand[]> {
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return Promise.all((named === undefined ? Object.values(COMMANDS) : [named]).map((load) => load()));
}

/** Commander has written what is wrong itself. */
function isCommanderError(error: unknown): error is CommanderError {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('commander.');
}
