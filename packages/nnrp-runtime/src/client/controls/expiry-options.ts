/** What becomes of an operation that is late, as `ClientOperation.expireAt` asks for it. */
export interface ExpiryOptions {
  /** Whether the server gives it up then; default true. */
  readonly discardStale?: boolean | undefined;
  /** Whether the server says so, by RESULT_DROP_REASON; default true. */
  readonly emitDropReason?: boolean | undefined;
}
