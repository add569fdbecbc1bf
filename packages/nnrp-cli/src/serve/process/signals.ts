import { ExitCode } from '../../exit-code.js';

/**
 * Calls `close` at the first SIGINT or SIGTERM; the second ends the process. SIGHUP closes as well where nothing else is done at it
 * (see `followFiles`), and never ends the process: a terminal that goes away may say it more than once.
 *
 * @returns stops listening to signals
 */
export function onSignals(close: () => void): () => void {
  let closing = false;
  const signalled = () => {
    if (closing) process.exit(ExitCode.Failed);
    closing = true;
    close();
  };
  const hungUp = () => {
    if (!closing && process.listenerCount('SIGHUP') === 1) signalled();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  process.on('SIGHUP', hungUp);
  for (const signal of signals) process.on(signal, signalled);
  return () => {
    process.off('SIGHUP', hungUp);
    for (const signal of signals) process.off(signal, signalled);
  };
}
