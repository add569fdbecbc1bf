import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadModule, moduleBytes } from '../src/module/load-module.js';
import { SettingKey } from '../src/module/module-settings.js';

const crate = (name: string) => readFileSync(fileURLToPath(new URL(`../wasm/${name}`, import.meta.url)));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What the module may ask of the process that it runs in: no file, no socket, no clock but the one it is given. */
const IMPORTS = [
  'host.aead_free',
  'host.aead_new',
  'host.key_kind',
  'host.open',
  'host.seal',
  'host.sign',
  'host.verify',
  'wasi_snapshot_preview1.clock_time_get',
  'wasi_snapshot_preview1.environ_get',
  'wasi_snapshot_preview1.environ_sizes_get',
  'wasi_snapshot_preview1.fd_write',
  'wasi_snapshot_preview1.proc_exit',
  'wasi_snapshot_preview1.random_get',
];

describe('the module', () => {
  it('is the one that was built, by its recorded SHA-256', async () => {
    const [recorded] = crate('quinn.wasm.sha256').toString().split(' ');
    expect(sha256(crate('quinn.wasm'))).toBe(recorded);
    expect(sha256(await moduleBytes())).toBe(recorded);
  });

  it('imports what it is known to, and nothing else', async () => {
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: { Module: { imports(module: object): { module: string; name: string }[] } };
    };
    const imports = WebAssembly.Module.imports(await loadModule()).map(({ module, name }) => `${module}.${name}`);
    expect(imports.sort()).toEqual(IMPORTS);
  });

  it('names no folder of the machine that built it', () => {
    const text = crate('quinn.wasm').toString('latin1');
    expect(text).not.toMatch(/\/(home|root|Users|tmp)\//);
    expect(text).toContain('/cargo/registry/src/');
  });

  it('has the places of the settings that its driver writes', () => {
    const [, names = ''] = /pub enum Key \{(.*?)\n\}/s.exec(crate('src/settings.rs').toString()) ?? [];
    const places = [...names.matchAll(/^ {4}(\w+) = (\d+),/gm)].map(([, name, place]) => [name, Number(place)]);
    expect(places).toEqual(Object.entries(SettingKey));
  });

  it('has the licences of all its crates along', () => {
    const licenses = crate('LICENSES.md').toString();
    const versions = new Map(
      [
        ...crate('Cargo.lock')
          .toString()
          .matchAll(/name = "(.*?)"\nversion = "(.*?)"/g),
      ].map(([, name, version]) => [`${name} ${version}`, true]),
    );
    const listed = [...licenses.matchAll(/^\| ([\w-]+) +\| (\d\S*) +\| (.*?) +\|$/gm)];
    expect(listed.length).toBeGreaterThan(25);
    for (const [, name, version] of listed) expect(versions.has(`${name} ${version}`), `${name} ${version}`).toBe(true);
    for (const name of ['quinn-proto', 'rustls', 'ring']) expect(listed.map(([, one]) => one)).toContain(name);
  });
});
