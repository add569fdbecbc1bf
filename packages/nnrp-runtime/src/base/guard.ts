import { ignoreRejectionsWithin } from 'nnrp-core';
import { nextTick, setImmediate, type Timer, unref } from '../platform/platform.js';
import { warn } from './warn.js';

/**
 * What pays for an exception inside the runtime: a connection, a listener, a server. It reports the error, ends what the
 * error has left in an unknown state, and gives back everything that this held.
 */
export interface Guarded {
  /** @param error - anything that can be thrown */
  crashed(error: unknown): void;
}

/** Pays for what nothing depends on any more: its exceptions are dropped. */
export const NO_OWNER: Guarded = Object.freeze({ crashed: () => {} });

/**
 * The only ways into the runtime from outside of it: sockets, timers and turns of the event loop call in through these.
 * Whatever is thrown inside costs the owner, never the process. `entry-points.test.ts` fails when a source file registers
 * a callback in any other way.
 */
export function guard<Owner extends Guarded>(owner: Owner, work: (owner: Owner) => void): void {
  try {
    work(owner);
  } catch (error) {
    crash(owner, error);
  }
}

/** Tells the owner. An owner that fails over it is past saving; then a warning is all that is left. */
export function crash(owner: Guarded, error: unknown): void {
  ignoreRejectionsWithin(error, 0);
  try {
    owner.crashed(error);
  } catch (second) {
    warn('an error could not be dealt with', error);
    warn('because of another one', second);
  }
}

/** setTimeout. */
export function later(owner: Guarded, delayMs: number, work: () => void): Timer {
  return setTimeout(guard, delayMs, owner, work);
}

/** The same, for which the process is not kept running. Under jsdom a timer is a number, which has no `unref`. */
export function aside(owner: Guarded, delayMs: number, work: () => void): Timer {
  return unref(later(owner, delayMs, work));
}

/** setInterval. */
export function repeatedly(owner: Guarded, intervalMs: number, work: () => void): Timer {
  return setInterval(guard, intervalMs, owner, work);
}

/** setImmediate: in the next turn, after the sockets have been read. */
export function nextTurn(owner: Guarded, work: () => void): void {
  setImmediate(guard, owner, work);
}

/** process.nextTick: when the code that runs now has returned, before anything else happens. */
export function afterThis<Owner extends Guarded>(owner: Owner, work: (owner: Owner) => void): void {
  nextTick(guard, owner, work);
}

/** What sends events as Node's sockets, servers and streams do. */
interface Emitter {
  // biome-ignore lint/suspicious/noExplicitAny: what EventEmitter of Node takes for a listener
  on(event: string, listener: (...args: any[]) => void): unknown;
}

/**
 * Listens to something of Node's: a socket, a server, a stream.
 *
 * @param self - what `listener` gets as `this`: a connection that idles keeps no function of its own for each event then
 */
export function listen<Args extends unknown[]>(
  owner: Guarded,
  emitter: Emitter,
  event: string,
  listener: (...args: Args) => void,
  self?: object,
): void {
  emitter.on(event, heard.bind(self, owner, listener as (...args: unknown[]) => void));
}

function heard(this: unknown, owner: Guarded, listener: (...args: unknown[]) => void, ...args: unknown[]): void {
  try {
    listener.apply(this, args);
  } catch (error) {
    crash(owner, error);
  }
}

/** Lets a promise go on by itself; its owner pays when it rejects. */
export function background(owner: Guarded, promise: Promise<unknown>): void {
  promise.catch((error: unknown) => crash(owner, error));
}
