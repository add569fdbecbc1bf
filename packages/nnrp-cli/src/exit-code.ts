/** What the command tells the shell. */
export const ExitCode = Object.freeze({
  Ok: 0,
  /** The input was refused, or the work failed. */
  Failed: 1,
  /** The command line or a configuration file is wrong. */
  Usage: 2,
} as const);
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The command line or a configuration file is wrong; the message says where. */
export class CommandUsageError extends Error {
  override readonly name = 'CommandUsageError';
}

export function isCommandUsageError(error: unknown): error is CommandUsageError {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'CommandUsageError';
}
