import { ClosedError, isNnrpError, type NnrpError, TransportError } from 'nnrp-core';
import { aside, type Guarded, guard, nextTurn } from '../base/guard.js';
import type { AcceptFailure, FramedListener, FramedTransport } from '../transport/contract/contract.js';
import { checkTransport } from '../transport/contract/is-transport.js';
import { AcceptFailures, listenerError } from '../transport/listening/accept-failures.js';

/** Milliseconds of rest after something that is no connection; twice as long after the next one, and so on. */
const FIRST_REST_MS = 1;
const MAX_REST_MS = 1000;
/** Connections refused in a row before the event loop gets its turn: a listener may have them ready without end. */
const REFUSED_AT_ONCE = 64;

/** What is done with what a listener gives. */
export interface Acceptor extends Guarded {
  readonly isClosing: boolean;
  /** @returns whether it stays */
  connected(transport: FramedTransport): boolean;
  acceptFailed(failure: AcceptFailure): void;
}

/**
 * Takes what a listener gives, which may be one of the application's own: a connection as long as there is room, and
 * whatever else it gives is refused. Neither ends the loop.
 *
 * @returns why the listener gives nothing more
 */
export async function acceptAll(listener: FramedListener, acceptor: Acceptor): Promise<NnrpError> {
  const failures = new AcceptFailures();
  const seen = new WeakSet<FramedTransport>();
  let restMs = FIRST_REST_MS;
  let refusals = 0;
  for (;;) {
    let given: unknown;
    try {
      given = await listener.accept();
    } catch (error) {
      if (isNnrpError(error)) return error;
      return listenerError(listener.address, error);
    }
    try {
      checkTransport('accept', given);
      if (seen.has(given)) throw new TransportError('accept: it gave the same connection again');
      seen.add(given);
    } catch (error) {
      guard(acceptor, () => failures.add(listener.address, error, (failure) => acceptor.acceptFailed(failure)));
      if (acceptor.isClosing) return new ClosedError('the server was closed');
      await rest(acceptor, restMs);
      restMs = Math.min(restMs * 2, MAX_REST_MS);
      continue;
    }
    restMs = FIRST_REST_MS;
    const transport = given;
    let stays = false;
    if (acceptor.isClosing) guard(acceptor, () => transport.abort());
    else {
      guard(acceptor, () => {
        stays = acceptor.connected(transport);
      });
    }
    if (!stays && ++refusals % REFUSED_AT_ONCE === 0) await turn(acceptor);
  }
}

function rest(owner: Guarded, restMs: number): Promise<void> {
  return new Promise((resolve) => {
    aside(owner, restMs, resolve);
  });
}

function turn(owner: Guarded): Promise<void> {
  return new Promise((resolve) => {
    nextTurn(owner, resolve);
  });
}
