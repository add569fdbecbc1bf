import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bytesOfFile, loadModule, moduleBytes } from '../../src/module/load-module.js';
import { SettingKey } from '../../src/module/module-settings.js';

const crate = (name: string) => readFileSync(fileURLToPath(new URL(`../../wasm/${name}`, import.meta.url)));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What the module may ask of the process that it runs in: no file, no socket, no clock but the one it is given. */
const IMPORTS = [
  'host.aead_free',
  'host.aead_new',
  'host.exchange_agree',
  'host.exchange_free',
  'host.exchange_new',
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

  it('comes from its file where that is there and is the same, seen from sources, build and modules for bundlers', () => {
    for (const place of ['src/module/x.ts', 'dist/index.js', 'dist/chunks/x.js', 'dist/modules/module/x.js']) {
      const bytes = bytesOfFile(new URL(`../../${place}`, import.meta.url).href);
      expect(bytes && sha256(bytes), place).toBe(sha256(crate('quinn.wasm')));
    }
  });

  it('does not come from a file that is another one, or that is not there', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nnrp-wasm-'));
    try {
      const here = pathToFileURL(join(folder, 'dist', 'index.js')).href;
      expect(bytesOfFile(here)).toBeUndefined();
      mkdirSync(join(folder, 'wasm'));
      const bytes = crate('quinn.wasm');
      bytes[1000] = (bytes[1000] as number) ^ 1;
      writeFileSync(join(folder, 'wasm', 'quinn.wasm'), bytes);
      expect(bytesOfFile(here)).toBeUndefined();
      // As bundles of CommonJS have it, and those that are no file.
      expect(bytesOfFile('https://host.example/bundle.js')).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
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
