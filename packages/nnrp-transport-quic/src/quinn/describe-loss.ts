import { TransportError } from 'nnrp-core';
import { type CloseReason, describeClose, isRefusal } from '../close-codes.js';
import type { Loss } from '../module/module-facts.js';

/** Kinds of `Loss`. */
export const LossKind = { PeersApplication: 1, PeersQuic: 2, OwnQuic: 3, TimedOut: 4, Reset: 5 } as const;

/** Whether it is an alert of TLS, whose number says what it means. */
const isAlert = (code: number) => code >= 0x100 && code < 0x200;

/** @param what - how it begins when the peer has ended it */
export function lossError(loss: Loss, what: string): TransportError {
  const { kind, code, text } = loss;
  switch (kind) {
    case LossKind.PeersApplication:
    case LossKind.PeersQuic:
      return failureOf(what, reasonOf(loss, text));
    case LossKind.OwnQuic:
      return failureOf('the peer is refused', reasonOf(loss, isAlert(code) ? '' : text));
    case LossKind.Reset:
      return new TransportError('the peer has ended the connection: it knows nothing of it (stateless reset)');
    default:
      return new TransportError(`the connection has ended${text === '' ? '' : `: ${text}`}`);
  }
}

function reasonOf({ kind, code }: Loss, text: string): CloseReason {
  return { isApp: kind === LossKind.PeersApplication, errorCode: code, reason: Buffer.from(text) };
}

function failureOf(what: string, reason: CloseReason): TransportError {
  return new TransportError(describeClose(what, reason), { isRetryable: !isRefusal(reason) });
}
