import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SchemaRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpServer } from 'nnrp-runtime';
import { afterAll, describe, expect, it } from 'vitest';
import { explainConfigError, readServerFile } from './server-file.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-config-'));
const path = join(folder, 'server.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(json: unknown) {
  writeFileSync(path, typeof json === 'string' ? json : JSON.stringify(json));
  return readServerFile(path);
}

function schemas(json: unknown): SchemaRegistry {
  return read({ schemas: json }).config.schemaRegistry!;
}

describe('a configuration file', () => {
  it('takes options in camelCase and in snake_case', () => {
    const { config } = read({
      maxInFlightOperations: 8,
      granted_operation_credit: 3,
      supported_profiles: [2],
      transport: 'tcp',
    });
    expect(config).toEqual({
      maxInFlightOperations: 8,
      grantedOperationCredit: 3,
      supportedProfiles: [2],
      transport: 'tcp',
    });
  });

  it('may begin with a byte order mark', () => {
    expect(read('\uFEFF{"leaseTtlMs":5}').config).toEqual({ leaseTtlMs: 5 });
  });

  it.each(['schemas', 'policy_code', 'lease_ttl_ms'])('is refused when its %s is nested too deeply', (key) => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(() => read(`{"${key}":${deep}}`)).toThrow(`${path}: is nested too deeply`);
  });

  it('makes schemas of pairs and of headers', () => {
    const registry = schemas([
      [4097, 3],
      { schema_id: 5, schemaVersion: 1, schema_hash: '18446744073709551615', profile_id: 1 },
    ]);
    expect(registry.get(4097, 3)).toEqual(preview3.TOKEN_DELTA_SCHEMA);
    expect(registry.get(5, 1)).toMatchObject({ profileId: 1, schemaHash: 0xffffffffffffffffn, minVersionMajor: 1 });
    expect(registry.has(5, 2)).toBe(false);
    expect([...schemas([])]).toEqual([]);
    expect(schemas([[7, 1]]).get(7, 1)).toMatchObject({ schemaHash: 0n });
  });

  it.each([
    ['{"lease_ttl_ms":1,"lease_ttl_ms":2}', 'lease_ttl_ms'],
    ['{"module":"a","module":"b"}', 'module'],
    ['{"schemas":[[1,1],{"schema_id":5,"schema_id":6}]}', 'schemas[1].schema_id'],
  ])('is refused when a key stands twice: %s', (json, key) => {
    expect(() => read(json)).toThrow(`${path}: ${key}: stands twice`);
  });

  it('makes a policy of a code', async () => {
    const answerOf = (code: number) =>
      read({ policy_code: code }).config.applicationPolicy!.validateSessionOpen({} as never, {} as never);
    expect(answerOf(0)).toBeUndefined();
    expect(answerOf(0x10004)).toBe(0x10004);
  });

  it.each<[unknown, string]>([
    ['{', 'is no JSON'],
    [[], 'expected a JSON object'],
    [{ max_sessions: 1, maxSessions: 1 }, 'maxSessions: the option is given twice'],
    [{ applicationPolicy: 1 }, 'applicationPolicy: cannot be set in a file'],
    [{ authorize: 1 }, 'authorize: cannot be set in a file'],
    [{ schema_registry: 1 }, 'schema_registry: cannot be set in a file'],
    [{ max_sessions: null }, 'max_sessions: takes a value, got null'],
    [{ policy_code: -1 }, 'policy_code: takes an integer of 0 to 4294967295, got -1'],
    [{ policyCode: '1' }, 'policyCode: takes an integer of 0 to 4294967295, got a string of 1 character'],
    [{ schemas: {} }, 'schemas: takes a list'],
    [{ schemas: [[1]] }, 'schemas[0]: takes [id, version], got [1]'],
    [{ schemas: [[1, 1], 2] }, 'schemas[1]: takes [id, version] or a schema header, got 2'],
    [{ schemas: [[1, -1]] }, 'schemas[0]: schema_version is a u32, got -1'],
    [{ schemas: [{ schema_id: 1 }] }, 'schemas[0].schema_version: is missing'],
    [{ schemas: [{ schema_name: 1 }] }, 'schemas[0].schema_name: a schema header has no such field'],
    [{ schemas: [{ schema_id: '1' }] }, 'schemas[0].schema_id: takes a number, got a string of 1 character'],
    [{ schemas: [{ schema_hash: 'ff' }] }, 'schemas[0].schema_hash: takes a decimal string'],
    [
      { schemas: [{ schema_id: 1, schema_version: 1, schema_flags: 255 }] },
      'schemas[0]: bits 0xff where only 0x0f are assigned',
    ],
  ])('with %j is refused by file and key', (json, message) => {
    expect(() => read(json)).toThrow(`${path}: ${message}`);
  });

  it.each([
    ['a(b', "there is no option 'a(b'"],
    ['a[b', "there is no option 'a[b'"],
    ['.*', "there is no option '.*'"],
    ['max\u001b[2J_sessions', "there is no option 'max\\x1b[2J_sessions'"],
    ['__proto__', "there is no option '__proto__'"],
    ['max_session', "there is no option 'max_session'; did you mean max_sessions?"],
    ['x\nnnrp: all is well', "there is no option 'x\\nnnrp: all is well'"],
  ])('with the key %j is refused by that key', async (key, message) => {
    const refusal = await NnrpServer.bindTcp('127.0.0.1:0', read(`{${JSON.stringify(key)}:1}`).config).catch(
      (error: Error) => explainConfigError(error.message, path, readServerFile(path)),
    );
    expect((refusal as Error).message).toBe(`${path}: ${message}`);
  });

  it.each<[unknown, string]>([
    [{ toString: 1 }, 'an object with toString'],
    [{ a: 1 }, 'an object with a'],
    [['x'], '[a string]'],
    ['\u001b[2J', 'a string of 4 characters'],
  ])('with the value %j is refused by file and key', async (value, shown) => {
    const refusal = await NnrpServer.bindTcp('127.0.0.1:0', read({ max_sessions: value }).config).catch(
      (error: Error) => explainConfigError(error.message, path, readServerFile(path)),
    );
    expect((refusal as Error).message).toBe(`${path}: max_sessions takes an integer of 1 to 4294967295, got ${shown}`);
  });

  it('gives what the server says the name of the key as written', () => {
    const file = read({ max_sessions: 0 });
    const error = explainConfigError('[NNRP_ERR_USAGE] server configuration: maxSessions takes an integer', path, file);
    expect(error.message).toBe(`${path}: max_sessions takes an integer`);
  });

  it('says which option of the command was meant, before those of the server', () => {
    const error = new Error(
      "[NNRP_ERR_USAGE] there is no option 'listen'; did you mean listenersTogether? options are",
    );
    expect(explainConfigError(error.message, path, read({ listen: 'x' })).message).toBe(
      `${path}: there is no option 'listen'; did you mean listeners?`,
    );
  });

  it('that is missing is refused', () => {
    expect(() => readServerFile(join(folder, 'missing.json'))).toThrow(/missing\.json: cannot be read: ENOENT/);
  });
});
