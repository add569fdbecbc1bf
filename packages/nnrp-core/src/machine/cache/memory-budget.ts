/** Memory that several share: each asks before it holds something, and says when it has let go. */
export interface MemoryBudget {
  /** Whether there is room for so many bytes more. */
  fits(bytes: number): boolean;
  /** Bytes are held from now on; a negative number, that they are held no more. */
  add(bytes: number): void;
}
