import type { WireFault } from '../src/faults/fault.js';
import { WireError } from '../src/faults/wire-error.js';

/**
 * The fault that `run` throws.
 * @throws Error when it throws nothing, or something that is no WireError
 */
export function faultOf(run: () => unknown): WireFault {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.fault;
    throw error;
  }
  throw new Error('nothing was thrown');
}
