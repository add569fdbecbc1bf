import type { SchemaDescriptorHeader } from '../generated/preview3/schema-descriptor-header.js';

/**
 * The schemas a server knows, by id and version.
 *
 * @see NNRP/1-preview3 section 12.2
 */
export class SchemaRegistry {
  private readonly versions = new Map<number, Map<number, SchemaDescriptorHeader>>();

  constructor(schemas: Iterable<SchemaDescriptorHeader> = []) {
    for (const schema of schemas) {
      const versions = this.versions.get(schema.schemaId) ?? new Map<number, SchemaDescriptorHeader>();
      this.versions.set(schema.schemaId, versions.set(schema.schemaVersion, schema));
    }
  }

  has(schemaId: number, schemaVersion: number): boolean {
    return this.versions.get(schemaId)?.has(schemaVersion) ?? false;
  }

  get(schemaId: number, schemaVersion: number): SchemaDescriptorHeader | undefined {
    return this.versions.get(schemaId)?.get(schemaVersion);
  }

  *[Symbol.iterator](): Iterator<SchemaDescriptorHeader> {
    for (const versions of this.versions.values()) yield* versions.values();
  }
}
