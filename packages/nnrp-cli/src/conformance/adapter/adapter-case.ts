/** One case of the adapter suite. */
export interface AdapterCase {
  /** Names of its frozen parameters, each of which is hex; none unless it is golden. */
  readonly parameters: readonly string[];
  /**
   * Checks the implementation.
   * @throws CaseFailure (also as a rejection) that says what does not hold; anything else is an error of the adapter
   */
  check(...parameters: readonly Uint8Array[]): void | Promise<void>;
}

/** Cases by id. */
export type AdapterCases = Readonly<Record<string, AdapterCase>>;

/** A case without parameters. */
export function plain(check: () => void | Promise<void>): AdapterCase {
  return { parameters: [], check };
}
