import { Command, type CommanderError } from 'commander';
import { isNnrpError } from 'nnrp-core';
import type { CliIo } from './cli-io.js';
import { addDecodeCommand, addEncodeCommand } from './codec/codec-commands.js';
import { ExitCode, isCommandUsageError } from './exit-code.js';
import { packageVersion } from './package-version.js';
import { addServeCommand } from './serve/serve-command.js';
import { addSubmitCommand } from './submit/submit-command.js';
import { errorText, printableLines, writeLine } from './terminal-text.js';

/** Adds one command to the program; the command reports its exit code when it is done. */
export type AddCommand = (program: Command, io: CliIo, done: (code: ExitCode) => void) => void;

const COMMANDS: readonly AddCommand[] = [addDecodeCommand, addEncodeCommand, addServeCommand, addSubmitCommand];

/**
 * Runs `nnrp` with these arguments (without node and script) to its end. Never rejects and never ends the process.
 *
 * @returns the exit code: 0 done, 1 refused or failed, 2 the command line is wrong
 */
export async function runCli(args: readonly string[], io: CliIo = process): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Ok;
  const program = new Command('nnrp')
    .description('NNRP/1-preview3: decode and encode packets, serve and submit over TCP, TLS, QUIC and WebSocket')
    .version(packageVersion())
    .showHelpAfterError('(add --help for the options and examples)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(printableLines(text)),
    });
  for (const add of COMMANDS) {
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
    writeLine(io.stderr, `nnrp: ${errorText(error)}`);
    return isCommandUsageError(error) || isNnrpError(error, 'NNRP_ERR_USAGE') ? ExitCode.Usage : ExitCode.Failed;
  }
}

/** Commander has written what is wrong itself. */
function isCommanderError(error: unknown): error is CommanderError {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && code.startsWith('commander.');
}
