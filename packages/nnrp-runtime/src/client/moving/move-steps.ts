import {
  ClosedError,
  isNnrpError,
  type NnrpError,
  PeerError,
  ProtocolError,
  TimeoutError,
  TransportError,
  UsageError,
} from 'nnrp-core';
import { brokenBy } from '../../base/application/thrown-text.js';

/** How far a move had come. */
export type MoveStep = 'begin' | 'ask' | 'connect' | 'drain' | 'resume';

const WORDS: Readonly<Record<MoveStep, string>> = {
  begin: 'nothing was begun',
  ask: 'the server was asked',
  connect: 'no connection came about',
  drain: 'what was under way had not arrived',
  resume: 'the sessions were not resumed',
};

export function inStep<T>(step: MoveStep, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failedIn(step, error);
  }
}

/** The same failure, with how far the move had come. */
export function failedIn(step: MoveStep, error: unknown): NnrpError {
  const text = `migrate: ${WORDS[step]}: ${isNnrpError(error) ? error.rawMessage : brokenBy(error)}`;
  if (!isNnrpError(error)) return new TransportError(text, { cause: error });
  const { wireCode = 0, retryAfterMs = 0, isRetryable, details } = error;
  if (isNnrpError(error, 'NNRP_ERR_USAGE')) return new UsageError(text, { cause: error });
  if (isNnrpError(error, 'NNRP_ERR_CLOSED')) return new ClosedError(text, { cause: error });
  if (isNnrpError(error, 'NNRP_ERR_TIMEOUT')) return new TimeoutError(text, error.timeoutMs);
  if (isNnrpError(error, 'NNRP_ERR_TRANSPORT')) return new TransportError(text, { cause: error, retryAfterMs });
  if (isNnrpError(error, 'NNRP_ERR_PROTOCOL')) return new ProtocolError(text, wireCode, error.fault);
  return new PeerError(error.code, text, wireCode, retryAfterMs, { isRetryable, details, cause: error });
}
