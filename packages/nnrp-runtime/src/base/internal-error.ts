/** What was thrown where nothing should be. */
export interface InternalError {
  /** HOST:PORT of the other end; absent when it concerns no connection. */
  readonly remoteAddress?: string;
  /** As it was thrown, with its stack. */
  readonly error: unknown;
}
