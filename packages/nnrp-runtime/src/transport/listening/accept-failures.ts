import { TransportError } from 'nnrp-core';
import { brokenBy } from '../../base/application/thrown-text.js';
import type { AcceptFailure } from '../contract/contract.js';

/** Milliseconds between two reports of connections that could not be taken. */
const REPORT_EVERY_MS = 1000;

/** Counts connections that could not be taken while a listener goes on, and reports them, at most once a second. */
export class AcceptFailures {
  private failures = 0;
  private reportedAtMs = Number.NEGATIVE_INFINITY;

  /** One more. @param tell - is called when a report is due */
  add(address: string, error: unknown, tell: (failure: AcceptFailure) => void): void {
    this.failures++;
    const nowMs = performance.now();
    if (nowMs - this.reportedAtMs < REPORT_EVERY_MS) return;
    this.reportedAtMs = nowMs;
    const { failures } = this;
    this.failures = 0;
    tell({ address, failures, error: listenerError(address, error) });
  }
}

export function listenerError(address: string, error: unknown): TransportError {
  return new TransportError(`listener ${address}: ${brokenBy(error)}`, { cause: error });
}
