import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { HostCrypto } from '../../src/module/host-crypto.js';
import { THIS_PROCESS } from '../../src/module/system-calls.js';

const SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const P256_SHA256 = (1 << 8) | (3 << 4) | 1;
/** Points of small order: whatever the key, nothing but zeros comes of them. @see RFC 7748 section 6.1 */
const SMALL = ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(30)}7f`];

const buffer = new ArrayBuffer(4096);
const memory = new Uint8Array(buffer);
const host = new HostCrypto(() => ({ buffer }), THIS_PROCESS.makeExchangeKey).imports;

describe('X25519 by the host', () => {
  it('comes to the same as the peer', () => {
    const id = host.exchange_new(0);
    expect(id).toBeGreaterThan(0);
    const peer = generateKeyPairSync('x25519');
    memory.set((peer.publicKey.export({ type: 'spki', format: 'der' }) as Buffer).subarray(-32), 32);
    expect(host.exchange_agree(id, 32, 64)).toBe(0);
    const own = createPublicKey({ key: Buffer.concat([SPKI, memory.subarray(0, 32)]), format: 'der', type: 'spki' });
    const expected = diffieHellman({ privateKey: peer.privateKey, publicKey: own });
    expect(Buffer.from(memory.subarray(64, 96))).toEqual(expected);
    host.exchange_free(id);
    expect(host.exchange_agree(id, 32, 64)).toBe(1);
  });

  // Node 20: to export a key as JWK keeps it locked, and a garbage collection in the middle of that waits for the lock. The
  // arrays move where the collections fall.
  it('never waits for itself, wherever a garbage collection falls', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nnrp-exchange-'));
    const file = join(folder, 'keys.mjs');
    const contents = `
      import { HostCrypto } from './host-crypto.ts';
      import { THIS_PROCESS } from './system-calls.ts';
      const buffer = new ArrayBuffer(256);
      const host = new HostCrypto(() => ({ buffer }), THIS_PROCESS.makeExchangeKey).imports;
      let made = 0;
      for (let n = 0; n < 40_000; n++) {
        globalThis.garbage = new Array((n * 7919) % 1009);
        const id = host.exchange_new(0);
        if (id > 0) made++;
        host.exchange_free(id);
      }
      console.log(made);`;
    const resolveDir = fileURLToPath(new URL('../../src/module', import.meta.url));
    await build({
      stdin: { contents, resolveDir, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: file,
      external: ['nnrp-core', 'nnrp-runtime'],
    });
    const { stdout, signal } = spawnSync(process.execPath, ['--max-semi-space-size=1', file], {
      encoding: 'utf8',
      timeout: 100_000,
      killSignal: 'SIGKILL',
    });
    rmSync(folder, { recursive: true });
    expect({ stdout: stdout.trim(), signal }).toEqual({ stdout: '40000', signal: null });
  });

  it('makes another key each time', () => {
    const keys = [0, 32].map((at) => {
      host.exchange_free(host.exchange_new(at));
      return Buffer.from(memory.subarray(at, at + 32)).toString('hex');
    });
    expect(keys[0]).not.toBe(keys[1]);
  });

  it('refuses points that share nothing', () => {
    const id = host.exchange_new(0);
    for (const point of SMALL) {
      memory.set(Buffer.from(point, 'hex'), 32);
      memory.fill(0, 64, 96);
      const refused = host.exchange_agree(id, 32, 64) !== 0;
      // What the module takes for a refusal as well.
      expect(refused || memory.subarray(64, 96).every((byte) => byte === 0)).toBe(true);
    }
    host.exchange_free(id);
  });

  it('says when there is no key to be had', () => {
    const without = new HostCrypto(
      () => ({ buffer }),
      () => {
        throw new Error('none here');
      },
    );
    expect(without.imports.exchange_new(0)).toBe(0);
  });
});

describe('signatures of certificates, which are remembered once they were right', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const point = (
    createPublicKey(createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))).export({
      type: 'spki',
      format: 'der',
    }) as Buffer
  ).subarray(-65);
  const message = Buffer.concat([Buffer.from([0x30]), Buffer.alloc(299, 5)]);
  const signature = sign('sha256', message, privateKey);
  const ask = (key: Uint8Array, said: Uint8Array, signed: Uint8Array) => {
    memory.set(key, 1000);
    memory.set(said, 1200);
    memory.set(signed, 2000);
    return host.verify(P256_SHA256, 1000, key.length, 1200, said.length, 2000, signed.length);
  };
  const changed = (bytes: Uint8Array, at: number) => bytes.map((byte, place) => (place === at ? byte ^ 1 : byte));

  it('are right again, and any other byte is wrong before and after', () => {
    const wrong = () => [
      ask(point, changed(message, 200), signature),
      ask(point, message, changed(signature, signature.length - 1)),
      ask(changed(point, 40), message, signature),
      // The same bytes, divided elsewhere.
      ask(point, Buffer.concat([message, signature.subarray(0, 1)]), signature.subarray(1)),
    ];
    expect(wrong()).toEqual([1, 1, 1, 1]);
    expect([ask(point, message, signature), ask(point, message, signature)]).toEqual([0, 0]);
    expect(wrong()).toEqual([1, 1, 1, 1]);
  });
});
