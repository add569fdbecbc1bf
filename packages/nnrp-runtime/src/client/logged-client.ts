import { shownValue, UsageError } from 'nnrp-core';
import { isLogger, LOGGER_KIND, Log, type Logger, type LogLevel, logEvent } from '../base/application/logger.js';
import type { NnrpClientOptions } from './contract/client-config.js';
import type { NnrpClientEvents } from './contract/client-events.js';
import type { NnrpClient } from './portable-client.js';

/** What is logged, and how. */
const LEVELS = {
  peerError: 'warn',
  protocolViolation: 'warn',
  readingPaused: 'warn',
  internalError: 'error',
  suspended: 'info',
  resumed: 'info',
  migrated: 'info',
  lost: 'warn',
  reopened: 'info',
  closed: 'info',
} as const satisfies Partial<Record<keyof NnrpClientEvents, LogLevel>>;

/** The options without the logger, and the logger. @throws UsageError when it is none */
export function withoutLogger<Options extends NnrpClientOptions>(config: Options): [Options, Logger | undefined] {
  if (typeof config !== 'object' || config === null || !('logger' in config)) return [config, undefined];
  const { logger } = config;
  if (logger !== undefined && !isLogger(logger))
    throw new UsageError(`client configuration: logger takes ${LOGGER_KIND}, got ${shownValue(logger)}`);
  // Whatever it is, and inherits, stays; this name alone is not seen.
  return [Object.create(config, { logger: { value: undefined } }) as Options, logger];
}

/** Writes the events of a client to a logger, which is one more listener. */
export function logEvents(client: NnrpClient, logger: Logger): void {
  const log = new Log(logger);
  for (const name of Object.keys(LEVELS) as (keyof typeof LEVELS)[])
    client.on(name, (event: object) => logEvent(log, LEVELS, name, event));
}
