import { CacheErrorCode } from '../../generated/preview3/enums.js';
import type { ObjectIdentity } from './object-identity.js';

/** An object that another one builds on, in the version that it was built on. */
export interface ObjectDependency {
  readonly identity: ObjectIdentity;
  readonly version: bigint;
}

/** What is known of an object that others depend on. */
export interface DependencyState {
  readonly version: bigint;
  /** It was dropped or has expired, though it is still remembered. */
  readonly invalidated: boolean;
}

/**
 * Checks that every dependency is there, is valid and has exactly the version that is required.
 *
 * @param stateOf - undefined for an object that is not known
 * @returns None or DependencyInvalid, which also stands for a dependency that is missing
 */
export function checkDependencies(
  dependencies: readonly ObjectDependency[],
  stateOf: (identity: ObjectIdentity) => DependencyState | undefined,
): CacheErrorCode {
  for (const { identity, version } of dependencies) {
    const state = stateOf(identity);
    if (state === undefined || state.invalidated || state.version !== version) return CacheErrorCode.DependencyInvalid;
  }
  return CacheErrorCode.None;
}
