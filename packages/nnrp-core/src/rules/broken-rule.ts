import type { WireFault } from '../faults/fault.js';

/**
 * The fault of a broken rule.
 *
 * @param rule - its name, such as TPR-1
 * @see NNRP/1-preview3 section 15.2
 */
export function brokenRule(rule: string): WireFault {
  return { kind: 'invalid_combination', rule };
}
