import { checkSignal } from '../../base/application/abort-signals.js';
import { readOptions } from '../../base/options.js';

/** How sessions are moved; what is left out, or undefined, has its default. */
export interface MigrateOptions {
  /** Gives the move up when it aborts, as long as the old connection is not given up; then it means nothing; default none. */
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof MigrateOptions>(['signal']);

/** @throws UsageError on an option that does not exist or fit */
export function migrateOptions(options: MigrateOptions): MigrateOptions {
  const given = readOptions('migrate options', options, OPTIONS);
  checkSignal(given.signal);
  return given;
}
