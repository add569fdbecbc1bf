import type { CachePut } from '../../generated/preview3/cache-put.js';
import type { ObjectDependency } from './cache-dependencies.js';
import type { CachedObject, ObjectFacts, SchemaKey } from './cached-object.js';

const NO_DEPENDENCIES: readonly never[] = [];

/** Whether a put brings what is there already: the same bytes, with the same codecs, schema and dependencies. */
export function isUnchanged(before: CachedObject, put: CachePut, body: Uint8Array, facts: ObjectFacts): boolean {
  if (before.codecBitmap !== put.codecBitmap || !sameBytes(before.body, body)) return false;
  if (!(facts.schema === before.schema || (facts.schema !== undefined && sameSchema(facts.schema, before.schema)))) {
    return false;
  }
  const dependencies = facts.dependencies ?? NO_DEPENDENCIES;
  return (
    dependencies.length === before.dependencies.length &&
    dependencies.every((dependency, index) => sameDependency(dependency, before.dependencies[index]))
  );
}

function sameBytes(one: Uint8Array | undefined, other: Uint8Array): boolean {
  if (one === undefined || one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** Whether it is the same schema in the same version; an unknown one is not. */
export function sameSchema(one: SchemaKey, other: SchemaKey | undefined): boolean {
  return one.schemaId === other?.schemaId && one.schemaVersion === other.schemaVersion;
}

function sameDependency(one: ObjectDependency, other: ObjectDependency | undefined): boolean {
  return (
    other !== undefined &&
    one.version === other.version &&
    one.identity.cacheNamespace === other.identity.cacheNamespace &&
    one.identity.cacheKeyHi === other.identity.cacheKeyHi &&
    one.identity.cacheKeyLo === other.identity.cacheKeyLo &&
    one.identity.objectKind === other.identity.objectKind
  );
}
