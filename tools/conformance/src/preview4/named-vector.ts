import { isWireError, type WireFault } from 'nnrp-core';

/** What each vector has. Those with `until` hold for releases before 4.26 alone, whose rules are not ours. */
export interface NamedVector {
  readonly name: string;
  readonly since?: string;
  readonly until?: string;
}

/** The fault of a call that must be refused. @throws what it throws when that is no fault, and Error when it throws nothing */
export function faultIn(run: () => unknown): WireFault | undefined {
  try {
    run();
  } catch (error) {
    if (isWireError(error)) return error.fault;
    throw error;
  }
  return undefined;
}
