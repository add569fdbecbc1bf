import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AddressTokens } from './address-token.js';

const NOW = 1_700_000_000_000;
const ID = Uint8Array.from({ length: 12 }, (_, index) => index + 1);

const NEW = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);

describe('an address token', () => {
  const tokens = new AddressTokens();
  const token = tokens.issue('192.0.2.1', 4433, ID, NEW, NOW);

  it('gives back the id that it was issued for, to the address that it was issued to', () => {
    expect(tokens.originalDcid(token, '192.0.2.1', 4433, NEW, NOW)).toEqual(Buffer.from(ID));
    for (const bytes of [8, 20]) {
      const id = randomBytes(bytes);
      expect(tokens.originalDcid(tokens.issue('::1', 1, id, NEW, NOW), '::1', 1, NEW, NOW)).toEqual(id);
    }
  });

  it('is nothing at another address or port', () => {
    expect(tokens.originalDcid(token, '192.0.2.2', 4433, NEW, NOW)).toBeUndefined();
    expect(tokens.originalDcid(token, '192.0.2.1', 4434, NEW, NOW)).toBeUndefined();
    // Where address and port meet, no other pair reads the same.
    const near = tokens.issue('192.0.2.1', 14433, ID, NEW, NOW);
    expect(tokens.originalDcid(near, '192.0.2.11', 4433, NEW, NOW)).toBeUndefined();
  });

  it('is nothing with another id than the one that was given out with it', () => {
    expect(tokens.originalDcid(token, '192.0.2.1', 4433, Uint8Array.from(NEW).reverse(), NOW)).toBeUndefined();
    expect(tokens.originalDcid(token, '192.0.2.1', 4433, ID, NOW)).toBeUndefined();
  });

  it('lasts for 30 seconds', () => {
    expect(tokens.originalDcid(token, '192.0.2.1', 4433, NEW, NOW + 30_000)).toEqual(Buffer.from(ID));
    expect(tokens.originalDcid(token, '192.0.2.1', 4433, NEW, NOW + 30_001)).toBeUndefined();
  });

  it('is nothing to another server', () => {
    expect(new AddressTokens().originalDcid(token, '192.0.2.1', 4433, NEW, NOW)).toBeUndefined();
  });

  it('is nothing with any byte changed, cut or added', () => {
    for (let index = 0; index < token.length; index++) {
      const changed = Uint8Array.from(token);
      changed[index] = (changed[index] as number) ^ 1;
      expect(tokens.originalDcid(changed, '192.0.2.1', 4433, NEW, NOW)).toBeUndefined();
      expect(tokens.originalDcid(token.subarray(0, index), '192.0.2.1', 4433, NEW, NOW)).toBeUndefined();
    }
    expect(tokens.originalDcid(Uint8Array.of(...token, 0), '192.0.2.1', 4433, NEW, NOW)).toBeUndefined();
    expect(tokens.originalDcid(randomBytes(200), '192.0.2.1', 4433, NEW, NOW)).toBeUndefined();
  });
});
