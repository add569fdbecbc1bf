import { isDeepStrictEqual } from 'node:util';
import { isWireError, type WireFault } from 'nnrp-core';
import { formatHex, parseHex } from '../../json/hex.js';

/** What a case has found wrong with the implementation, or with its parameters. */
export class CaseFailure extends Error {
  override readonly name = 'CaseFailure';

  constructor(
    readonly kind: 'assertion_failed' | 'invalid_frozen_parameters',
    message: string,
  ) {
    super(message);
  }
}

/** @throws CaseFailure unless both are the same, types included */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) throw failed(`${what}: expected ${shown(expected)}, got ${shown(actual)}`);
}

/** @throws CaseFailure unless both have the same bytes */
export function expectBytes(what: string, actual: Uint8Array, expected: Uint8Array): void {
  expectSame(what, formatHex(actual), formatHex(expected));
}

/** @throws CaseFailure when there is a fault */
export function expectNoFault(what: string, fault: WireFault | undefined): void {
  if (fault !== undefined) throw failed(`${what}: refused with ${shown(fault)}`);
}

/** @throws CaseFailure unless the call throws a WireError with these members of its fault */
export function expectRefused(what: string, call: () => unknown, fault: Partial<Record<string, unknown>>): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  if (!isWireError(thrown)) throw failed(`${what}: expected to be refused, and was not`);
  expectFault(what, thrown.fault, fault);
}

/** @throws CaseFailure unless the call fails as a check of this suite */
export function expectFailing(what: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (isCaseFailure(error)) return;
    throw error;
  }
  throw failed(`${what}: expected to be refused, and was not`);
}

export function isCaseFailure(error: unknown): error is CaseFailure {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'CaseFailure';
}

/** @throws CaseFailure unless the fault has these members */
export function expectFault(
  what: string,
  actual: WireFault | undefined,
  expected: Partial<Record<string, unknown>>,
): void {
  const found = actual as Readonly<Record<string, unknown>> | undefined;
  const isSame = found !== undefined && Object.entries(expected).every(([name, value]) => found[name] === value);
  if (!isSame) throw failed(`${what}: expected the fault ${shown(expected)}, got ${shown(actual)}`);
}

export function failed(message: string): CaseFailure {
  return new CaseFailure('assertion_failed', message);
}

/** @throws CaseFailure unless it is hex */
export function hexParameter(name: string, value: unknown): Uint8Array {
  if (typeof value !== 'string') throw failed(`${name}: expected hex`);
  try {
    return parseHex(value);
  } catch {
    throw failed(`${name}: expected hex`);
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'nothing';
}
