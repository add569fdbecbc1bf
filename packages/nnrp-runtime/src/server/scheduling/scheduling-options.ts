import { shownPlain, UsageError } from 'nnrp-core';
import { type Complete, withDefaults } from '../../base/options.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';

/** How the places for handlers are shared out; what is left out, or undefined, has its default. See docs/scheduling.md. */
export interface SchedulingOptions {
  /**
   * Handlers of one connection that run at once; default three quarters of maxConcurrentOperations, rounded up, at most 16384.
   */
  readonly maxRunningPerConnection?: number | undefined;
  /**
   * Operations of one connection that may wait for a handler; more are dropped with server_busy; default half of
   * maxQueuedOperations, rounded up.
   */
  readonly maxQueuedPerConnection?: number | undefined;
  /**
   * Operations of one connection whose handler has begun and waits for its client, which has paused them or does not read.
   * Their places are lent to others. A connection with so many gets no further handler; default a quarter of
   * maxConcurrentOperations, at least 16.
   */
  readonly maxSuspendedPerConnection?: number | undefined;
  /**
   * Bytes that the submits of one connection hold whose handlers have begun, 1 KiB more for each, and for calls 64 for each
   * object, list and member of their JSON. With so many the next ones wait; default 256 MiB.
   */
  readonly maxRunningBytesPerConnection?: number | undefined;
  /**
   * The same of the whole server. With so many, connections that have more than their share of half of it are refused
   * submits with server_busy; default 1 GiB.
   */
  readonly maxRunningBytes?: number | undefined;
  /** Turns of interactive sessions in each round, while sessions of other classes wait too; default 8. */
  readonly interactiveWeight?: number | undefined;
  /** Turns of balanced sessions in each round; default 4. */
  readonly balancedWeight?: number | undefined;
  /** Turns of background sessions in each round; default 1. */
  readonly backgroundWeight?: number | undefined;
  /**
   * Milliseconds that a handler may run on after its operation is over. Then the event `handlerStuck` reports it and
   * `stuckHandlers` counts it. 0 = never; default 30000.
   */
  readonly stuckHandlerMs?: number | undefined;
  /** Gives the place of a stuck handler to another; the stuck one goes on without a place; default false. */
  readonly releaseStuckPlaces?: boolean | undefined;
}

const MIN_SUSPENDED = 16;
const MOST_RUNNING = 16_384;
const MIB = 1024 * 1024;
const MAX_WEIGHT = 1000;
const MAX_COUNT = 0x7fffffff;

/**
 * @param maxConcurrentOperations - of the whole server
 * @param maxQueuedOperations - of the whole server
 * @throws UsageError that names the option, what it takes and what it got
 */
export function schedulingOptions(
  options: SchedulingOptions | undefined,
  maxConcurrentOperations: number,
  maxQueuedOperations: number,
): Complete<SchedulingOptions> {
  const defaults: Complete<SchedulingOptions> = {
    maxRunningPerConnection: Math.min(MOST_RUNNING, Math.ceil(maxConcurrentOperations * 0.75)),
    maxQueuedPerConnection: Math.ceil(maxQueuedOperations / 2),
    maxSuspendedPerConnection: Math.max(MIN_SUSPENDED, Math.ceil(maxConcurrentOperations / 4)),
    maxRunningBytesPerConnection: 256 * MIB,
    maxRunningBytes: 1024 * MIB,
    interactiveWeight: 8,
    balancedWeight: 4,
    backgroundWeight: 1,
    stuckHandlerMs: 30_000,
    releaseStuckPlaces: false,
  };
  const complete = withDefaults('serve: scheduling', options, defaults);
  for (const [option, value] of Object.entries(complete) as [keyof SchedulingOptions, unknown][]) {
    if (option === 'releaseStuckPlaces') {
      if (typeof value !== 'boolean') invalidOption(option, 'true or false', value);
      continue;
    }
    const least = option === 'stuckHandlerMs' ? 0 : 1;
    const most = mostOf(option);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      invalidOption(option, `an integer of ${least} to ${most}`, value);
  }
  return complete;
}

function mostOf(option: keyof SchedulingOptions): number {
  if (option === 'stuckHandlerMs') return MAX_TIMER_MS;
  if (option.startsWith('maxRunningBytes')) return Number.MAX_SAFE_INTEGER;
  return option.endsWith('Weight') ? MAX_WEIGHT : MAX_COUNT;
}

function invalidOption(option: string, expected: string, got: unknown): never {
  throw new UsageError(`serve: scheduling.${option} takes ${expected}, got ${shownPlain(got)}`);
}
