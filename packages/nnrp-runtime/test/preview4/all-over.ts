import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runOver } from '../support/carrier.js';
import type { Carrier } from '../support/carrier-contract.js';

/** Makes all tests of preview4, of both roles, part of the test file that calls it, over a carrier that no vitest project has. */
export async function allOfPreview4Over(carrier: Carrier): Promise<void> {
  runOver(carrier);
  for (const folder of ['./', './client/']) {
    const path = fileURLToPath(new URL(folder, import.meta.url));
    for (const name of readdirSync(path)) if (name.endsWith('.test.ts')) await import(/* @vite-ignore */ path + name);
  }
}
