/** Work for the next turn, in order. A message comes without the four milliseconds that browsers add to timers. */
const waiting: (() => void)[] = [];
const channel = typeof MessageChannel === 'undefined' ? undefined : new MessageChannel();
const { setTimeout } = globalThis;
if (channel !== undefined) {
  // Types of Node.js leave it out.
  const port = channel.port1 as unknown as { onmessage: () => void; unref?(): void };
  port.onmessage = runNext;
  // Where ports keep a process running, this one must not.
  port.unref?.();
}

/** What stands in for setImmediate of Node.js. */
export function nextTurn<Args extends unknown[]>(work: (...args: Args) => void, ...args: Args): void {
  waiting.push(() => work(...args));
  if (channel === undefined) setTimeout(runNext, 0);
  else channel.port2.postMessage(undefined);
}

/** What stands in for process.nextTick of Node.js. */
export function afterThis<Args extends unknown[]>(work: (...args: Args) => void, ...args: Args): void {
  queueMicrotask(() => work(...args));
}

function runNext(): void {
  waiting.shift()?.();
}
