/** Memory that several holders share: a holder calls `fits` before it holds bytes, and reports them afterwards. */
export interface MemoryBudget {
  /** Whether there is room for so many bytes more. */
  fits(bytes: number): boolean;
  /** Bytes are held from now on; a negative number, that they are held no more. */
  add(bytes: number): void;
}
