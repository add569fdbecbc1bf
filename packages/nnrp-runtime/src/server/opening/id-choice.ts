import type { SessionIds } from 'nnrp-core';

/** The ids in use on a server. */
export interface FreeIdsAbove extends SessionIds {
  /** An id above this one that is free, or 0 when there is none. */
  freeAbove(sessionId: number): number;
}

/** How a connection chooses the id of a session whose client leaves it to the server. */
export interface IdChoice {
  /** @returns 0 when there is none */
  free(ids: FreeIdsAbove): number;
}
