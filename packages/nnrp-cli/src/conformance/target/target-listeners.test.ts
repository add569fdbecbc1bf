import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { listenerAt } from './target-listeners.js';

const folder = mkdtempSync(join(tmpdir(), 'nnrp-target-listeners-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a root that a manifest trusts is not written over when the certificate and its key are missing', async () => {
  const [certificate, privateKey, trusted] = ['server.der', 'server.key', 'root.der'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const place = {
    endpoint: '127.0.0.1:0',
    files: { serverName: 'localhost', certificate, privateKey, trusted },
  };
  writeFileSync(trusted, 'the root of others');
  await expect(listenerAt('tcp', place)).rejects.toThrow(
    `${certificate} and ${privateKey} are missing, but what is trusted is there: ${trusted}; give all three, or none`,
  );
  expect([readFileSync(trusted, 'utf8'), existsSync(certificate)]).toEqual(['the root of others', false]);
  rmSync(trusted);
  const listener = await listenerAt('tcp', place);
  await listener.close();
  expect(readFileSync(trusted)).toEqual(readFileSync(certificate));
});
