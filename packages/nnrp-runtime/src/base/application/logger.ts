import { printable, shownStack } from 'nnrp-core';
import { type Guarded, guard } from '../guard.js';
import { isThenable, settledOnce } from '../thenable.js';
import { SeldomWarning } from '../warn.js';
import { ApplicationContext } from './application-context.js';
import { messageOf } from './thrown-text.js';

/** A level of {@link Logger}. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Takes log lines, as loggers of pino do: an object with the facts, and a message. The facts hold no payload, no token and no
 * bytes; text of peers in them is cleaned, so that no terminal obeys it.
 */
export type Logger = { readonly [Level in LogLevel]: (facts: Record<string, unknown>, message: string) => unknown };

/** Where loggers expect an error. */
const ERR = 'err';

/** What a logger takes, for the check of options. */
export function isLogger(value: unknown): value is Logger {
  if (typeof value !== 'object' || value === null) return false;
  return LEVELS.every((level) => typeof (value as Partial<Logger>)[level] === 'function');
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
export const LOGGER_KIND = `an object with the methods ${LEVELS.join(', ')}`;
/** Lines of one message in a second; strangers may be the occasion of any number. */
const MOST_LINES = 100;
const INTERVAL_MS = 1000;

/**
 * Writes to the logger of the application: in the async context in which it was handed over, in a copy of its own. What it
 * throws, or its promise rejects with, reaches nothing else, and is a warning of the process once a minute at most.
 */
export class Log implements Guarded {
  private readonly context = new ApplicationContext();
  private readonly warning = new SeldomWarning();
  private readonly lines = new Map<string, { count: number; sinceMs: number }>();

  constructor(private readonly logger: Logger) {}

  /** @param facts - asked for when the line is written; of more than 100 lines of one message in a second the rest are counted */
  write(level: LogLevel, message: string, facts: () => Record<string, unknown>): void {
    guard(this, () => {
      const leftOut = this.leftOut(message);
      if (leftOut === undefined) return;
      const all = leftOut === 0 ? facts() : { ...facts(), leftOut };
      const outcome = this.context.run(() => this.logger[level](all, message));
      if (isThenable(outcome)) settledOnce(outcome).then(undefined, (error) => this.crashed(error));
    });
  }

  crashed(error: unknown): void {
    this.warning.say('the logger of the application has failed', error);
  }

  /** @returns how many lines were left out before this one; undefined when it is left out itself */
  private leftOut(message: string): number | undefined {
    const nowMs = performance.now();
    const lines = this.lines.get(message);
    if (lines === undefined || nowMs - lines.sinceMs >= INTERVAL_MS) {
      this.lines.set(message, { count: 1, sinceMs: nowMs });
      return Math.max(0, (lines?.count ?? 0) - MOST_LINES);
    }
    return ++lines.count > MOST_LINES ? undefined : 0;
  }
}

/** Writes an event of the application as a line. @param levels - of the events that are written */
export function logEvent(
  log: Log | undefined,
  levels: Readonly<Record<string, LogLevel | undefined>>,
  name: string,
  event: object,
): void {
  const level = levels[name];
  if (log !== undefined && level !== undefined) log.write(level, `nnrp: ${name}`, () => factsOf(event));
}

/** Plain facts; of an error what it says. What is inside of other objects stays where it is. */
function factsOf(event: object): Record<string, unknown> {
  if ('stack' in event) return { [ERR]: errorFacts(event) };
  const facts: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(event)) {
    if (name === 'error' || name === 'reason') facts[ERR] = errorFacts(value);
    else if (typeof value === 'string') facts[name] = printable(value);
    else if (typeof value === 'number' || typeof value === 'boolean') facts[name] = value;
  }
  return facts;
}

function errorFacts(error: unknown): Record<string, unknown> {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  const text = (value: unknown) => (typeof value === 'string' ? printable(value) : undefined);
  const facts = {
    type: text(name),
    code: text(code),
    message: printable(messageOf(error, 'it cannot be shown')),
    stack: shownStack(error),
  };
  // The serializer of pino takes the name of the constructor for the type, where there is one: it would be Object.
  return Object.defineProperty(facts, 'constructor', { value: undefined });
}
