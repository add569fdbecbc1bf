import { ExitCode } from '../../exit-code.js';

/**
 * Calls `close` at the first SIGINT or SIGTERM; the second ends the process.
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
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, signalled);
  return () => {
    for (const signal of signals) process.off(signal, signalled);
  };
}
