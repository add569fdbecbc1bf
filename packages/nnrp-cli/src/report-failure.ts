import { isNnrpError } from 'nnrp-core';
import type { CliIo } from './cli-io.js';
import { ExitCode, isCommandUsageError } from './exit-code.js';
import { errorText, writeLine } from './terminal-text.js';

/** Whether what was asked for can never work, however often it is tried. */
export function isUsageError(error: unknown): boolean {
  return isCommandUsageError(error) || isNnrpError(error, 'NNRP_ERR_USAGE');
}

/** Says in one line what a command has failed with. @returns its exit code */
export function reportFailure(error: unknown, io: Pick<CliIo, 'stderr'>): ExitCode {
  writeLine(io.stderr, `nnrp: ${errorText(error)}`);
  return isUsageError(error) ? ExitCode.Usage : ExitCode.Failed;
}
