import { describe, expect, it } from 'vitest';
import { TOKEN_DELTA_SCHEMA } from '../../body/payload/token-delta.js';
import { SchemaErrorCode } from '../../generated/preview3/enums.js';
import { SchemaFlags } from '../../generated/preview3/flags.js';
import type { SchemaDescriptorHeader } from '../../generated/preview3/schema-descriptor-header.js';
import { SchemaRegistry } from './schema-registry.js';

const header = (schemaId: number, schemaVersion: number, rest: Partial<SchemaDescriptorHeader> = {}) => ({
  ...TOKEN_DELTA_SCHEMA,
  schemaId,
  schemaVersion,
  ...rest,
});
/** The name of what happened, or of the error. */
function named(outcome: { outcome: string; errorCode?: number }): string | undefined {
  if (outcome.outcome !== 'refused') return outcome.outcome;
  return Object.entries(SchemaErrorCode).find(([, code]) => code === outcome.errorCode)?.[0];
}
function install(registry: SchemaRegistry, ...args: Parameters<SchemaRegistry['install']>): string | undefined {
  return named(registry.install(...args));
}
function bind(
  registry: SchemaRegistry,
  profileId: number,
  schemaId: number,
  schemaVersion: number,
): string | undefined {
  return named(registry.bind({ profileId, schemaId, schemaVersion }));
}

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

describe('install', () => {
  it('tells a new schema from a higher version of a known one', () => {
    const registry = new SchemaRegistry();
    expect(install(registry, header(1, 5))).toBe('installed');
    expect(install(registry, header(1, 6))).toBe('updated');
    expect(install(registry, header(1, 4))).toBe('installed');
    expect(install(registry, header(2, 9))).toBe('installed');
    expect([...registry]).toHaveLength(4);
  });

  it('refuses a profile that is not assigned, before anything else', () => {
    const registry = new SchemaRegistry([header(1, 1)]);
    expect(install(registry, header(1, 1, { profileId: 3, schemaHash: 9n }))).toBe('SchemaUpdateRejected');
    expect(install(registry, header(2, 1, { profileId: 0 }))).toBe('installed');
    expect(install(registry, header(3, 1, { profileId: 1 }))).toBe('installed');
  });

  it('compares the whole header with the one that is there', () => {
    const there = header(1, 1);
    const registry = new SchemaRegistry([there]);
    expect(install(registry, { ...there })).toBe('already_installed');
    for (const [rest, outcome] of [
      [{ schemaHash: 1n }, 'SchemaHashConflict'],
      [{ profileId: 1 }, 'SchemaHashConflict'],
      [{ schemaHash: 1n, schemaFlags: 1 }, 'SchemaHashConflict'],
      [{ schemaFlags: 1 }, 'SchemaUpdateRejected'],
      [{ minVersionMajor: 0 }, 'SchemaUpdateRejected'],
      [{ maxVersionMajor: 2 }, 'SchemaUpdateRejected'],
      [{ bodyBytes: 1 }, 'SchemaUpdateRejected'],
      [{ dependencyCount: 1 }, 'SchemaUpdateRejected'],
      [{ defaultStreamSemantics: 1 }, 'SchemaUpdateRejected'],
    ] as const) {
      expect(install(registry, header(1, 1, rest))).toBe(outcome);
      expect(registry.get(1, 1)).toBe(there);
    }
  });

  it('keeps a copy of the body, and refuses one of another length or with other bytes', () => {
    const registry = new SchemaRegistry();
    const body = Buffer.from([1, 2]);
    expect(install(registry, header(1, 1, { bodyBytes: 3 }), body)).toBe('SchemaUpdateRejected');
    expect(install(registry, header(1, 1, { bodyBytes: 2 }), body)).toBe('installed');
    body.fill(0);
    expect(registry.body(1, 1)).toEqual(Uint8Array.of(1, 2));
    expect(install(registry, header(1, 1, { bodyBytes: 2 }), Uint8Array.of(1, 2))).toBe('already_installed');
    expect(install(registry, header(1, 1, { bodyBytes: 2 }))).toBe('already_installed');
    expect(install(registry, header(1, 1, { bodyBytes: 2 }), Uint8Array.of(1, 3))).toBe('SchemaHashConflict');
    expect(install(registry, header(1, 1, { bodyBytes: 2 }), Uint8Array.of(1))).toBe('SchemaHashConflict');
    expect(registry.body(1, 2)).toBeUndefined();
  });

  it('refuses dependencies that are missing or miscounted', () => {
    const registry = new SchemaRegistry([header(1, 1)]);
    const one = { schemaId: 1, schemaVersion: 1 };
    const missing = { schemaId: 1, schemaVersion: 2 };
    expect(install(registry, header(2, 1, { dependencyCount: 1 }), undefined, [missing])).toBe(
      'SchemaDependencyMissing',
    );
    expect(install(registry, header(2, 1, { dependencyCount: 2 }), undefined, [one])).toBe('SchemaUpdateRejected');
    expect(install(registry, header(2, 1, { dependencyCount: 0 }), undefined, [one])).toBe('SchemaUpdateRejected');
    expect(registry.has(2, 1)).toBe(false);
    expect(install(registry, header(2, 1, { dependencyCount: 1 }), undefined, [one])).toBe('installed');
  });

  it('refuses a critical schema whose dependencies are not named', () => {
    const registry = new SchemaRegistry();
    const critical = { schemaFlags: SchemaFlags.Critical, dependencyCount: 1 };
    expect(install(registry, header(2, 1, critical))).toBe('SchemaDependencyMissing');
    expect(install(registry, header(2, 1, { ...critical, dependencyCount: 0 }))).toBe('installed');
    expect(install(registry, header(3, 1, { dependencyCount: 1 }))).toBe('installed');
  });
});

describe('a registry by hash', () => {
  it('knows a schema by hash and profile, whatever else its header says, and keeps the first', () => {
    const there = header(1, 1);
    const registry = SchemaRegistry.byHash([there]);
    for (const rest of [{}, { schemaFlags: 1 }, { maxVersionMajor: 2 }, { bodyBytes: 1 }, { dependencyCount: 1 }]) {
      expect(install(registry, header(1, 1, rest))).toBe('already_installed');
      expect(registry.get(1, 1)).toBe(there);
    }
    expect(install(registry, header(1, 1, { schemaHash: 1n }))).toBe('SchemaHashConflict');
    expect(install(registry, header(1, 1, { profileId: 1 }))).toBe('SchemaHashConflict');
    expect(install(registry, header(1, 2, { profileId: 3 }))).toBe('SchemaUpdateRejected');
  });

  it('looks at neither bodies nor dependencies, and neither do the registries over it', () => {
    const registry = SchemaRegistry.byHash();
    const critical = { schemaFlags: SchemaFlags.Critical, dependencyCount: 1 };
    expect(install(registry, header(2, 1, critical))).toBe('installed');
    const missing = { schemaId: 9, schemaVersion: 9 };
    const session = registry.overlay(1);
    expect(install(session, header(2, 2, critical), Uint8Array.of(1), [missing, missing])).toBe('updated');
    expect(bind(session, 2, 2, 2)).toBe('bound');
    expect(install(session, header(2, 3))).toBe('SchemaUpdateRejected');
  });
});

describe('invalidate', () => {
  it('drops one version, and does not know others', () => {
    const registry = new SchemaRegistry([header(1, 1), header(1, 2)]);
    expect(named(registry.invalidate(1, 1))).toBe('invalidated');
    expect(named(registry.invalidate(1, 1))).toBe('SchemaVersionUnknown');
    expect(named(registry.invalidate(9, 1))).toBe('SchemaVersionUnknown');
    expect([...registry].map(({ schemaVersion }) => schemaVersion)).toEqual([2]);
    registry.invalidate(1, 2);
    expect(bind(registry, 2, 1, 2)).toBe('SchemaUnknown');
  });
});

describe('bind', () => {
  const registry = new SchemaRegistry([header(1, 1), header(2, 1, { profileId: 1 })]);

  it('finds the schema of a payload', () => {
    expect(registry.bind({ profileId: 2, schemaId: 1, schemaVersion: 1 })).toEqual({
      outcome: 'bound',
      schema: header(1, 1),
    });
    expect(registry.bind({ profileId: 0, schemaId: 0, schemaVersion: 0 })).toEqual({
      outcome: 'bound',
      schema: undefined,
    });
  });

  it('reports the first reason in order', () => {
    expect(bind(registry, 3, 0, 0)).toBe('SchemaUpdateRejected');
    expect(bind(registry, 0, 1, 1)).toBe('SchemaIncompatible');
    expect(bind(registry, 0, 0, 1)).toBe('SchemaIncompatible');
    expect(bind(registry, 2, 0, 1)).toBe('SchemaUnknown');
    expect(bind(new SchemaRegistry([header(0, 1)]), 2, 0, 1)).toBe('SchemaUnknown');
    expect(bind(registry, 2, 1, 2)).toBe('SchemaVersionUnknown');
    expect(bind(registry, 2, 5, 1)).toBe('SchemaUnknown');
    expect(bind(registry, 2, 2, 1)).toBe('SchemaIncompatible');
  });

  it('does not bind to a schema whose dependency is gone', () => {
    const own = new SchemaRegistry([header(1, 1)]);
    own.install(header(2, 1, { dependencyCount: 1 }), undefined, [{ schemaId: 1, schemaVersion: 1 }]);
    expect(bind(own, 2, 2, 1)).toBe('bound');
    own.invalidate(1, 1);
    expect(bind(own, 2, 2, 1)).toBe('SchemaDependencyMissing');
  });

  it('makes no object for a payload', () => {
    const payload = { profileId: 2, schemaId: 1, schemaVersion: 1 };
    expect(registry.bind(payload)).toBe(registry.bind(payload));
  });
});

describe('overlay', () => {
  it('sees the registry under it, also what comes later, and keeps its own to itself', () => {
    const server = new SchemaRegistry([header(1, 1)]);
    const session = server.overlay();
    expect(install(session, header(1, 2))).toBe('updated');
    expect(install(session, header(1, 1))).toBe('already_installed');
    server.install(header(3, 1));
    expect([...session].map(({ schemaId, schemaVersion }) => [schemaId, schemaVersion])).toEqual([
      [1, 1],
      [3, 1],
      [1, 2],
    ]);
    expect([bind(session, 2, 1, 1), bind(session, 2, 1, 2), bind(session, 2, 3, 2)]).toEqual([
      'bound',
      'bound',
      'SchemaVersionUnknown',
    ]);
    expect([server.has(1, 2), server.overlay().has(1, 2)]).toEqual([false, false]);
  });

  it('cannot take from the registry under it', () => {
    const server = new SchemaRegistry([header(1, 1)]);
    const session = server.overlay();
    session.install(header(1, 2));
    expect(named(session.invalidate(1, 1))).toBe('SchemaUpdateRejected');
    expect(named(session.invalidate(1, 2))).toBe('invalidated');
    expect(named(session.invalidate(1, 2))).toBe('SchemaVersionUnknown');
    expect(session.has(1, 1)).toBe(true);
  });

  it('shows a schema once when both have it', () => {
    const server = new SchemaRegistry();
    const session = server.overlay();
    session.install(header(1, 1));
    server.install(header(1, 1, { schemaHash: 9n }));
    expect([...session]).toEqual([header(1, 1)]);
  });

  it('takes in a bounded number of schemas', () => {
    const session = new SchemaRegistry([header(1, 1)]).overlay(2);
    expect([install(session, header(2, 1)), install(session, header(3, 1))]).toEqual(['installed', 'installed']);
    expect(install(session, header(4, 1))).toBe('SchemaUpdateRejected');
    expect(install(session, header(3, 1))).toBe('already_installed');
    session.invalidate(2, 1);
    expect(install(session, header(4, 1))).toBe('installed');
    const many = new SchemaRegistry().overlay();
    for (let id = 1; id <= 256; id++) expect(install(many, header(id, 1))).toBe('installed');
    expect(install(many, header(257, 1))).toBe('SchemaUpdateRejected');
  });
});
