import type { Checks } from './checks.js';
import type { Stage } from './stage.js';

/** L0 bytes, L1 behaviour, L2 the programming interface, L3 transports. */
export type BaselineLevel = 'L0' | 'L1' | 'L2' | 'L3';
/** Mandatory, optional, experimental. */
export type BaselineStatus = 'M' | 'O' | 'X';

/** One row of the public baseline: the public suite's own id, and the capability tokens that select it. */
export interface BaselineEntry {
  readonly id: string;
  readonly level: BaselineLevel;
  readonly status: BaselineStatus;
  readonly tokens: readonly string[];
}

/** The check behind one id. */
export interface BaselineCase {
  readonly id: string;
  /** What is really done, in one or two sentences. */
  readonly exercised: string;
  /** Why the case is not claimed although its check holds; only where a token of it is not claimed. */
  readonly notClaimed?: string;
  /** @throws CheckFailure when the implementation does not do what the id says; any other error counts the same */
  run(check: Checks, stage: Stage): Promise<void>;
}
