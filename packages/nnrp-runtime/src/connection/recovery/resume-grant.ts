/** The longest resume token of the protocol, in bytes. */
export const MAX_TOKEN_BYTES = 4096;

/** Whether a session can be resumed by what its server grants. A longer token would fill the memory of clients. */
export function canResume(tokenBytes: number, windowMs: number): boolean {
  return tokenBytes > 0 && tokenBytes <= MAX_TOKEN_BYTES && windowMs > 0;
}
