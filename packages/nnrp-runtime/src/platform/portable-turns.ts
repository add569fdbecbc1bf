import { builtin } from './builtin.js';

/** Work for the next turn, in order. A message comes without the four milliseconds that browsers add to timers. */
const waiting: (() => void)[] = [];
/**
 * Taken from Node.js where that is: a test's idea of a browser may have none, or one of its own. Not where Workers run, which
 * have pairs of WebSockets: a message that was sent for a request is lost with it, and the work of another one would wait for it.
 */
const Channel =
  builtin('node:worker_threads')?.MessageChannel ??
  (typeof MessageChannel === 'undefined' || 'WebSocketPair' in globalThis ? undefined : MessageChannel);
const { setTimeout } = globalThis;
let wake: (() => void) | undefined;

/** What stands in for setImmediate of Node.js. */
export function nextTurn<Args extends unknown[]>(work: (...args: Args) => void, ...args: Args): void {
  if (Channel === undefined) {
    // Each by a timer of its own: where a request of a Worker ends, its timers do, and must not be those of another one.
    setTimeout(work, 0, ...args);
    return;
  }
  waiting.push(() => work(...args));
  wake ??= wakenBy(new Channel());
  wake();
}

/** What stands in for process.nextTick of Node.js. Not queueMicrotask, which fake timers replace. */
export function afterThis<Args extends unknown[]>(work: (...args: Args) => void, ...args: Args): void {
  void Promise.resolve().then(() => work(...args));
}

function wakenBy({ port1, port2 }: InstanceType<typeof MessageChannel>): () => void {
  // Types of Node.js leave it out.
  const port = port1 as unknown as { onmessage: () => void; unref?(): void };
  port.onmessage = runNext;
  // Where ports keep a process running, this one must not.
  port.unref?.();
  return () => port2.postMessage(undefined);
}

function runNext(): void {
  waiting.shift()?.();
}
