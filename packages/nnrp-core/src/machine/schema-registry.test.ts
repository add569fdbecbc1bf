import { describe, expect, it } from 'vitest';
import { TOKEN_DELTA_SCHEMA } from '../body/token-delta.js';
import { SchemaRegistry } from './schema-registry.js';

describe('schema registry', () => {
  it('knows what it was given, by id and version together', () => {
    const newer = { ...TOKEN_DELTA_SCHEMA, schemaVersion: 4 };
    const other = { ...TOKEN_DELTA_SCHEMA, schemaId: 0xffffffff, schemaVersion: 0xffffffff };
    const registry = new SchemaRegistry([TOKEN_DELTA_SCHEMA, newer, other]);
    expect(registry.has(0x1001, 3)).toBe(true);
    expect(registry.get(0x1001, 4)).toBe(newer);
    expect(registry.get(0xffffffff, 0xffffffff)).toBe(other);
    expect([...registry]).toEqual([TOKEN_DELTA_SCHEMA, newer, other]);
  });

  it('knows nothing else: no other version, no other id, no schema 0', () => {
    const registry = new SchemaRegistry([TOKEN_DELTA_SCHEMA]);
    expect(registry.has(0x1001, 2)).toBe(false);
    expect(registry.has(3, 0x1001)).toBe(false);
    expect(registry.has(0, 0)).toBe(false);
    expect(registry.get(0x1001, 0)).toBeUndefined();
    expect([...new SchemaRegistry()]).toEqual([]);
  });

  it('keeps the last of two with the same id and version', () => {
    const second = { ...TOKEN_DELTA_SCHEMA, schemaHash: 1n };
    expect([...new SchemaRegistry([TOKEN_DELTA_SCHEMA, second])]).toEqual([second]);
  });
});
