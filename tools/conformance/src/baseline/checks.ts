import { isDeepStrictEqual } from 'node:util';
import { isNnrpError, type NnrpError, type NnrpErrorCode, WireError } from 'nnrp-core';
import { hexOf } from '../golden-vectors.js';

/** What a case expected did not come true. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
}

/** The assertions of one case: counted, and the first that does not hold ends the case. */
export class Checks {
  private made = 0;

  /** Assertions made so far. */
  get count(): number {
    return this.made;
  }

  /** @throws CheckFailure unless the condition holds */
  ok(condition: boolean, what: string): asserts condition {
    this.made++;
    if (!condition) throw new CheckFailure(what);
  }

  /** @throws CheckFailure unless both are the same, objects field by field */
  equal<T>(actual: T, expected: T, what: string): void {
    this.ok(isDeepStrictEqual(actual, expected), `${what}: expected ${shown(expected)}, got ${shown(actual)}`);
  }

  /** Looks at the fields that `expected` names, and no others. @throws CheckFailure when one differs */
  fields<T extends object>(actual: T, expected: Partial<T>, what: string): void {
    for (const [field, value] of Object.entries(expected)) {
      this.equal((actual as Record<string, unknown>)[field], value, `${what}, ${field}`);
    }
  }

  /** @throws CheckFailure unless the bytes are these */
  bytes(actual: Uint8Array, expectedHex: string, what: string): void {
    this.equal(hexOf(actual), expectedHex, what);
  }

  /** The fault with which a codec refuses. @throws CheckFailure when it does not, or with another fault */
  refuses(run: () => unknown, fault: object, what: string): void {
    let thrown: unknown;
    try {
      run();
    } catch (error) {
      thrown = error;
    }
    this.equal<unknown>(thrown instanceof WireError ? thrown.fault : thrown, fault, what);
  }

  /** The error with which a promise rejects. @throws CheckFailure when it resolves, or rejects with another code */
  async rejects(promise: Promise<unknown>, code: NnrpErrorCode, what: string): Promise<NnrpError> {
    const error: unknown = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    this.ok(isNnrpError(error, code), `${what}: expected a rejection with ${code}, got ${String(error)}`);
    return error;
  }

  /** The error that a call throws. @throws CheckFailure when it does not, or with another code */
  throws(run: () => unknown, code: NnrpErrorCode, what: string): NnrpError {
    let error: unknown;
    try {
      run();
    } catch (thrown) {
      error = thrown;
    }
    this.ok(isNnrpError(error, code), `${what}: expected ${code} to be thrown, got ${String(error)}`);
    return error;
  }
}

function shown(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? 'nothing'
  );
}
