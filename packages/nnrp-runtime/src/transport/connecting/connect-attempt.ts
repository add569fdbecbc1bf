import { isNnrpError, type NnrpError, TimeoutError, TransportError } from 'nnrp-core';
import { reasonOf, whenAborted } from '../../base/application/abort-signals.js';
import { brokenBy } from '../../base/application/thrown-text.js';
import { type Guarded, guard, NO_OWNER } from '../../base/guard.js';
import { rejection } from '../../base/promises/settled.js';
import { Patience } from '../../base/time/patience.js';
import type { FramedConnector, FramedTransport } from '../contract/contract.js';
import { checkTransport } from '../contract/is-transport.js';

/**
 * Connects within a bounded time, by a connector that may be of the application's own: one that takes no notice of the signal,
 * or of the time, is not waited for any longer. A transport that it makes after that is aborted.
 *
 * @param signal - gives up; the promise rejects with its reason
 * @returns rejects with what the connector rejects with; TimeoutError, and UsageError when what it makes is no transport
 */
export function connectWithin(
  owner: Guarded,
  connector: FramedConnector,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<FramedTransport> {
  if (signal?.aborted) return rejection(reasonOf(signal));
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    let isOver = false;
    const end = (): boolean => {
      const isFirst = !isOver;
      isOver = true;
      patience.end();
      letGo();
      return isFirst;
    };
    const giveUp = (reason: unknown) => {
      if (!end()) return;
      controller.abort(reason);
      reject(reason);
    };
    let letGo = () => {};
    // The connector is asked first: its own time, when it is as long, is over before this one, and it can say more.
    const connecting = new Promise<FramedTransport>((made) => made(connector.connect(controller.signal)));
    const patience = new Patience(owner, timeoutMs, () =>
      giveUp(new TimeoutError(`the connector has made no connection within ${timeoutMs} ms`, timeoutMs)),
    );
    const came = (transport: FramedTransport) => {
      if (!end()) {
        guard(NO_OWNER, () => transport.abort());
        return;
      }
      try {
        checkTransport('connect', transport);
        resolve(transport);
      } catch (error) {
        reject(error);
      }
    };
    connecting.then(came, (error: unknown) => {
      if (end()) reject(error);
    });
    try {
      letGo = whenAborted(owner, signal, giveUp);
    } catch (error) {
      giveUp(error);
    }
    if (isOver) letGo();
  });
}

/** Why an attempt has failed, as an error of these packages. */
export function connectFailure(error: unknown): NnrpError {
  return isNnrpError(error) ? error : new TransportError(`the connector failed: ${brokenBy(error)}`, { cause: error });
}

/** What a transport has thrown that a connector has made, before it carried anything. */
export function unusable(remoteAddress: string, error: unknown): TransportError {
  const text = `${remoteAddress}: the transport that the connector has made cannot be used: ${brokenBy(error)}`;
  return new TransportError(text, { cause: error });
}
