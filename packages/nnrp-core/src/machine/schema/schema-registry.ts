import { ProfileId } from '../../generated/preview3/enums.js';
import { SchemaFlags } from '../../generated/preview3/flags.js';
import type { SchemaDescriptorHeader } from '../../generated/preview3/schema-descriptor-header.js';
import type { TypedPayloadDescriptor } from '../../generated/preview3/typed-payload-descriptor.js';
import type { SchemaKey } from '../cache/cached-object.js';
import { IdMap } from '../collections/id-map.js';
import { REFUSED_SCHEMA, type SchemaBinding, type SchemaChange, type SchemaRefusal } from './schema-outcome.js';

/** Schemas that one overlay holds unless it is told otherwise. */
const DEFAULT_OVERLAY_SCHEMAS = 256;

const ASSIGNED_PROFILES: readonly number[] = /* @__PURE__ */ Object.values(ProfileId);

interface Entry {
  readonly header: SchemaDescriptorHeader;
  /** A copy; missing when only the header was given. */
  readonly body: Uint8Array | undefined;
  /** Missing when they were not named. */
  readonly dependencies: readonly SchemaKey[] | undefined;
  /** What binding to it returns: made once, since payloads bind for every frame. */
  readonly binding: SchemaBinding;
}

const NO_SCHEMA: SchemaBinding = /* @__PURE__ */ Object.freeze({ outcome: 'bound', schema: undefined });

/**
 * The schemas a server knows, by id and version. {@link overlay} makes a registry for one session, which sees these and
 * keeps what the session adds to itself.
 *
 * @see NNRP/1-preview3 sections 7.21, 9.3 and 12.2
 */
export class SchemaRegistry {
  private readonly versions = new IdMap<IdMap<Entry>>();
  private count = 0;

  /** @param schemas - taken as they are; of two with the same id and version the last one stays */
  constructor(
    schemas: Iterable<SchemaDescriptorHeader> = [],
    private readonly parent?: SchemaRegistry,
    private readonly maxSchemas = Number.POSITIVE_INFINITY,
    private readonly looksAtHashes = false,
  ) {
    for (const schema of schemas) this.store(schema, undefined, undefined);
  }

  /**
   * A registry that looks at as little as the reference's does: a schema is known by its hash and profile, and what else its header
   * says of it is not compared; bodies and dependencies are not looked at. For peers that must decide as the reference does.
   */
  static byHash(schemas: Iterable<SchemaDescriptorHeader> = []): SchemaRegistry {
    return new SchemaRegistry(schemas, undefined, Number.POSITIVE_INFINITY, true);
  }

  has(schemaId: number, schemaVersion: number): boolean {
    return this.entry(schemaId, schemaVersion) !== undefined;
  }

  get(schemaId: number, schemaVersion: number): SchemaDescriptorHeader | undefined {
    return this.entry(schemaId, schemaVersion)?.header;
  }

  /** The schema body that was installed with the header, not a copy; undefined when there was none. */
  body(schemaId: number, schemaVersion: number): Uint8Array | undefined {
    return this.entry(schemaId, schemaVersion)?.body;
  }

  *[Symbol.iterator](): Iterator<SchemaDescriptorHeader> {
    for (const schema of this.parent ?? []) {
      if (!this.versions.get(schema.schemaId)?.has(schema.schemaVersion)) yield schema;
    }
    for (const versions of this.versions.values()) for (const { header } of versions.values()) yield header;
  }

  /**
   * A registry for one session: it sees every schema of this one, also later ones, and changes none of them.
   *
   * @param maxSchemas - schemas that it takes in itself; more are refused
   */
  overlay(maxSchemas: number = DEFAULT_OVERLAY_SCHEMAS): SchemaRegistry {
    return new SchemaRegistry([], this, maxSchemas, this.looksAtHashes);
  }

  /**
   * Takes a schema in. The first that applies:
   *
   * 1. a profile that is not assigned: SchemaUpdateRejected;
   * 2. the same id and version are there: `already_installed` when the whole header is the same, and the body where both
   *    are known; SchemaHashConflict when hash, profile or body differ; SchemaUpdateRejected when anything else does;
   * 3. the length of the body, or the number of dependencies, is not what the header says, or there is no room for more
   *    schemas: SchemaUpdateRejected;
   * 4. a dependency that is not there, or a critical schema whose dependencies are not named: SchemaDependencyMissing;
   * 5. `updated` when a lower version of the id is there, else `installed`.
   *
   * @param body - the schema itself, copied; left out when only its header is known
   * @param dependencies - the schemas it builds on; left out when they are not known
   */
  install(
    header: SchemaDescriptorHeader,
    body?: Uint8Array,
    dependencies?: readonly SchemaKey[],
  ): SchemaChange | SchemaRefusal {
    if (!ASSIGNED_PROFILES.includes(header.profileId)) return REFUSED_SCHEMA.updateRejected;
    const present = this.entry(header.schemaId, header.schemaVersion);
    if (present !== undefined) return compare(present, header, body, this.looksAtHashes);
    const { looksAtHashes } = this;
    if (!looksAtHashes && !isAsSaid(header, body, dependencies)) return REFUSED_SCHEMA.updateRejected;
    if (this.count >= this.maxSchemas) return REFUSED_SCHEMA.updateRejected;
    if (!looksAtHashes && this.lacks(header, dependencies)) return REFUSED_SCHEMA.dependencyMissing;
    const outcome = this.hasLower(header.schemaId, header.schemaVersion) ? 'updated' : 'installed';
    // Not slice(): a byte array of Node shares its memory with what it returns.
    this.store(header, body && new Uint8Array(body), dependencies?.slice());
    return { outcome };
  }

  /**
   * Drops a schema. Those that build on it stay, and payloads can no longer be bound to them.
   *
   * @returns SchemaVersionUnknown when it is not there, whether or not the id is known; SchemaUpdateRejected when it
   *   belongs to the registry under this one
   */
  invalidate(schemaId: number, schemaVersion: number): SchemaChange | SchemaRefusal {
    const versions = this.versions.get(schemaId);
    if (!versions?.delete(schemaVersion)) {
      return this.has(schemaId, schemaVersion) ? REFUSED_SCHEMA.updateRejected : REFUSED_SCHEMA.versionUnknown;
    }
    this.count -= 1;
    if (versions.size === 0) this.versions.delete(schemaId);
    return { outcome: 'invalidated' };
  }

  /**
   * Finds the schema of a payload. The first that applies: a profile that is not assigned, SchemaUpdateRejected; profile
   * 0 with schema 0 and version 0, bound to none; profile 0 otherwise, SchemaIncompatible; schema 0, SchemaUnknown; an
   * unknown version of a known id, SchemaVersionUnknown; an unknown id, SchemaUnknown; a schema of another profile,
   * SchemaIncompatible; a schema that lacks a dependency, SchemaDependencyMissing. Allocates nothing.
   */
  bind(
    descriptor: Pick<TypedPayloadDescriptor, 'profileId' | 'schemaId' | 'schemaVersion'>,
  ): SchemaBinding | SchemaRefusal {
    const { profileId, schemaId, schemaVersion } = descriptor;
    if (!ASSIGNED_PROFILES.includes(profileId)) return REFUSED_SCHEMA.updateRejected;
    if (profileId === ProfileId.Unspecified) {
      return schemaId === 0 && schemaVersion === 0 ? NO_SCHEMA : REFUSED_SCHEMA.incompatible;
    }
    if (schemaId === 0) return REFUSED_SCHEMA.unknown;
    const entry = this.entry(schemaId, schemaVersion);
    if (entry === undefined) return this.knowsId(schemaId) ? REFUSED_SCHEMA.versionUnknown : REFUSED_SCHEMA.unknown;
    if (entry.header.profileId !== profileId) return REFUSED_SCHEMA.incompatible;
    const { dependencies } = entry;
    if (!this.looksAtHashes && dependencies !== undefined && !this.hasAll(dependencies))
      return REFUSED_SCHEMA.dependencyMissing;
    return entry.binding;
  }

  /** Whether a schema builds on others that are not there; one that is critical has to name them. */
  private lacks(header: SchemaDescriptorHeader, dependencies: readonly SchemaKey[] | undefined): boolean {
    if (dependencies !== undefined) return !this.hasAll(dependencies);
    return (header.schemaFlags & SchemaFlags.Critical) !== 0 && header.dependencyCount > 0;
  }

  private entry(schemaId: number, schemaVersion: number): Entry | undefined {
    return this.versions.get(schemaId)?.get(schemaVersion) ?? this.parent?.entry(schemaId, schemaVersion);
  }

  private knowsId(schemaId: number): boolean {
    return this.versions.has(schemaId) || (this.parent?.knowsId(schemaId) ?? false);
  }

  private hasLower(schemaId: number, schemaVersion: number): boolean {
    for (const version of this.versions.get(schemaId)?.keys() ?? []) if (version < schemaVersion) return true;
    return this.parent?.hasLower(schemaId, schemaVersion) ?? false;
  }

  private hasAll(dependencies: readonly SchemaKey[]): boolean {
    for (const { schemaId, schemaVersion } of dependencies) if (!this.has(schemaId, schemaVersion)) return false;
    return true;
  }

  private store(
    header: SchemaDescriptorHeader,
    body: Uint8Array | undefined,
    dependencies: readonly SchemaKey[] | undefined,
  ): void {
    const versions = this.versions.get(header.schemaId) ?? new IdMap<Entry>();
    const before = versions.size;
    versions.set(header.schemaVersion, { header, body, dependencies, binding: { outcome: 'bound', schema: header } });
    this.versions.set(header.schemaId, versions);
    this.count += versions.size - before;
  }
}

/** What installing a schema over one of the same id and version comes to. */
function compare(
  present: Entry,
  header: SchemaDescriptorHeader,
  body: Uint8Array | undefined,
  looksAtHashes: boolean,
): SchemaChange | SchemaRefusal {
  const there = present.header;
  if (there.schemaHash !== header.schemaHash || there.profileId !== header.profileId) {
    return REFUSED_SCHEMA.hashConflict;
  }
  if (looksAtHashes) return { outcome: 'already_installed' };
  const same =
    there.schemaFlags === header.schemaFlags &&
    there.minVersionMajor === header.minVersionMajor &&
    there.maxVersionMajor === header.maxVersionMajor &&
    there.bodyBytes === header.bodyBytes &&
    there.dependencyCount === header.dependencyCount &&
    there.defaultStreamSemantics === header.defaultStreamSemantics;
  if (!same) return REFUSED_SCHEMA.updateRejected;
  const known = present.body;
  if (known !== undefined && body !== undefined && !sameBytes(known, body)) return REFUSED_SCHEMA.hashConflict;
  return { outcome: 'already_installed' };
}

/** Whether body and dependencies, where they are known, are those of the header. */
function isAsSaid(
  { bodyBytes, dependencyCount }: SchemaDescriptorHeader,
  body: Uint8Array | undefined,
  dependencies: readonly SchemaKey[] | undefined,
): boolean {
  if (body !== undefined && body.length !== bodyBytes) return false;
  return dependencies === undefined || dependencies.length === dependencyCount;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
