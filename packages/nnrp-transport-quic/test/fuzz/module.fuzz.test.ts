import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Campaign } from './campaign.js';

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../network/data/${name}.pem`, import.meta.url)), 'utf8');
const pem = { cert: read('simulated'), key: read('simulated-key') };

const DATAGRAMS = Number(process.env['NNRP_FUZZ_DATAGRAMS'] ?? 20_000);
const SEED = Number(process.env['NNRP_FUZZ_SEED'] ?? 1);
const MIB = 1024 * 1024;
/** A hundred times what it takes. */
const TIMEOUT_MS = 30_000 + DATAGRAMS * 15;

describe('mutated datagrams into the module, many of them sealed by true keys', () => {
  it('bring down neither end, leave no memory behind, and an honest connection serves', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const campaign = new Campaign(SEED, pem);
    const figures = await campaign.run(DATAGRAMS);
    if (process.env['NNRP_FUZZ_DATAGRAMS'] !== undefined) console.log(JSON.stringify(figures, undefined, 1));
    expect(figures.failures).toEqual([]);
    expect(figures.datagrams).toBeGreaterThanOrEqual(DATAGRAMS);
    // It is about frame parsers: a campaign that never reaches them shows nothing.
    expect(figures.parsed).toBeGreaterThan(DATAGRAMS / 10);
    expect(figures.left).toBe(0);
    const [early, end] = figures.memory;
    expect(end - early).toBeLessThan(8 * MIB);
    expect(campaign.honest()).toBe(100_000);
  });
});
