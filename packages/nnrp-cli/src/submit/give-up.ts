import { beforeLeaving } from '../guard-process.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Gives up work whose results are not wanted any more: at a signal, by which the process ends then, and when the reader of its
 * output has gone. A second signal ends the process at once.
 *
 * @param close - tells the server; a client that is gone without a word would have its work go on, since it may come back
 * @returns stops listening to signals
 */
export function giveUpWhenLeft(close: () => Promise<unknown>): () => void {
  const forget = () => {
    for (const signal of SIGNALS) process.off(signal, left);
  };
  const left = (signal: NodeJS.Signals) => {
    forget();
    const end = () => process.kill(process.pid, signal);
    close().then(end, end);
  };
  for (const signal of SIGNALS) process.on(signal, left);
  beforeLeaving(close);
  return forget;
}
