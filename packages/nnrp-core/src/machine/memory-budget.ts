/** Memory that several share: whoever is about to hold something asks first, and says afterwards. */
export interface MemoryBudget {
  /** Whether there is room for so many bytes more. */
  fits(bytes: number): boolean;
  /** Bytes are held from now on; a negative number, that they are held no more. */
  add(bytes: number): void;
}
