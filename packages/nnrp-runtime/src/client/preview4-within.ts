import { TimeoutError } from 'nnrp-core';
import { reasonOf, whenAborted } from '../base/application/abort-signals.js';
import { NO_OWNER } from '../base/guard.js';
import { Patience } from '../base/time/patience.js';
import { loadPreview4 } from '../connection/controls/loaded-preview4.js';

/**
 * Loads what preview4 needs, as the first step of connecting.
 * @throws (as a rejection) as `loadPreview4`; TimeoutError; the reason of `signal`
 */
export async function preview4Within(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw reasonOf(signal);
  let letGo = () => {};
  let patience: Patience | undefined;
  const givenUp = new Promise<never>((_resolve, reject) => {
    letGo = whenAborted(NO_OWNER, signal, reject);
    patience = new Patience(NO_OWNER, timeoutMs, () =>
      reject(new TimeoutError(`preview4 was not loaded within ${timeoutMs} ms`, timeoutMs)),
    );
  });
  try {
    await Promise.race([loadPreview4(), givenUp]);
  } finally {
    letGo();
    patience?.end();
  }
}
