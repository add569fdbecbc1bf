/** What was thrown where nothing should be. */
export interface InternalError {
  /** HOST:PORT of the other end; absent when it concerns no connection. */
  readonly remoteAddress?: string;
  /** The event of which a listener of the application has thrown; absent for a defect of this package. */
  readonly listener?: string;
  /** As it was thrown, with its stack. */
  readonly error: unknown;
}
