/** How much of what happens `nnrp serve` writes to standard error; each has what the one before has. */
export const LOG_LEVELS = ['silent', 'error', 'warning', 'info'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether what is of one level is written at another. */
export function isLogged(level: Exclude<LogLevel, 'silent'>, wanted: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(wanted);
}
