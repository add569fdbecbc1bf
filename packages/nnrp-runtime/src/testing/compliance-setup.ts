import type { FramedListener, FramedTransport } from '../transport/contract/contract.js';

/** A listener under test, and what connects to it. */
export interface ComplianceEndpoint {
  readonly listener: FramedListener;
  /** A new connection to the listener; its other end comes out of `listener.accept()`. */
  connect(): Promise<FramedTransport>;
  /** Called once, at the end of a case: gives back whatever `listen` took. The listener may be closed already. */
  close(): Promise<void>;
}

/** How the suite gets at a transport. */
export interface ComplianceSetup {
  /** A fresh endpoint with no connections; each case takes one of its own. */
  listen(): Promise<ComplianceEndpoint>;
  /**
   * The `stallTimeoutMs` that the connections of `listen` are made with, at both ends, in milliseconds; 1000 is plenty.
   * Leave it out for a transport that gives no peer up: its cases about that are left out, too.
   */
  readonly stallTimeoutMs?: number;
  /** Milliseconds that a single wait may take before its case fails; default 10000. */
  readonly timeoutMs?: number;
}

/** One behaviour that every transport has. */
export interface ComplianceCase {
  /** What the transport does, as a sentence. */
  readonly name: string;
  /** Rejects with an AssertionError that says what was expected and what came. */
  run(): Promise<void>;
}
