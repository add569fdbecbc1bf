import { acceptingCases } from './accepting-cases.js';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { deliveryCases } from './delivery-cases.js';
import { endingCases } from './ending-cases.js';
import { flowCases } from './flow-cases.js';
import { lendingCases } from './lending-cases.js';
import { progressCases } from './progress-cases.js';
import { sendingCases } from './sending-cases.js';

/**
 * The behaviour that the runtime relies on, as cases for any test runner. A transport that passes them all can carry
 * sessions.
 *
 * ```ts
 * import { describe, it } from 'vitest';
 * import { transportCompliance } from 'nnrp-runtime/testing';
 *
 * describe('my transport', () => {
 *   const cases = transportCompliance({
 *     async listen() {
 *       const listener = await MyListener.bind('127.0.0.1:0');
 *       return {
 *         listener,
 *         connect: () => new MyConnector(listener.address).connect(),
 *         close: () => listener.close(),
 *       };
 *     },
 *   });
 *   for (const { name, run } of cases) it(name, run);
 * });
 * ```
 *
 * With node:test the loop reads `for (const { name, run } of cases) test(name, run);`. Cases do not depend on each
 * other and may run in any order, also at once. None of them sleeps but those about peers that are slow; the slowest
 * ones wait for the transport's own limits, `stallTimeoutMs` and that on `close`. One case sends 32 MiB.
 */
export function transportCompliance(setup: ComplianceSetup): readonly ComplianceCase[] {
  return [
    ...deliveryCases(setup),
    ...sendingCases(setup),
    ...flowCases(setup),
    ...lendingCases(setup),
    ...progressCases(setup),
    ...endingCases(setup),
    ...acceptingCases(setup),
  ];
}
