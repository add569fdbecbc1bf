import type { Carrier } from './carrier-contract.js';
import { tcpCarrier } from './tcp-carrier.js';

/** What the tests of this file run over: TCP, unless the vitest project says otherwise. */
export let carrier: Carrier = tcpCarrier;

/** Called by the setup of a vitest project, before any test. */
export function runOver(other: Carrier): void {
  carrier = other;
}
