import { readFileSync } from 'node:fs';
import { isWireError } from 'nnrp-core';
import { describe, expect, it } from 'vitest';
import { performRequest } from '../codec/codec-request.js';
import { decodeGuessed } from './guess-revision.js';
import { parseHex } from './hex.js';

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly hex: string;
  readonly message_type?: string;
}

function packetsOf(revision: string): Vector[] {
  const url = new URL(`../../../../spec/${revision}/vectors.json`, import.meta.url);
  const { positive } = JSON.parse(readFileSync(url, 'utf8')) as { positive: Vector[] };
  return positive.filter(({ kind }) => kind === 'packet');
}

const guess = (hex: string) => decodeGuessed(parseHex(hex), false).revision;

/** Hex with another byte. */
function withByte(hex: string, at: number, byte: string): string {
  return hex.slice(0, 2 * at) + byte + hex.slice(2 * at + 2);
}

/** Messages that the two revisions have otherwise. */
const TOLD_APART = ['FRAME_SUBMIT', 'CACHE_PUT', 'CACHE_ACK', 'CACHE_INVALIDATE'];

describe('a packet of an unknown revision', () => {
  it.each(packetsOf('preview3').map((vector) => [vector.name, vector] as const))('is told: %s', (_, vector) => {
    // Without an operation a result of preview3 may be one of preview4.
    const revision = TOLD_APART.includes(vector.message_type ?? '')
      ? 'preview3'
      : expect.stringMatching(/^(any|preview3)$/);
    expect(guess(vector.hex)).toEqual(revision);
  });

  it.each(packetsOf('preview4').map((vector) => [vector.name, vector] as const))('is told: %s', (_, vector) => {
    const code = Number.parseInt(vector.hex.slice(12, 14), 16);
    const isNew = code >= 0x30 || TOLD_APART.includes(vector.message_type ?? '');
    expect(guess(vector.hex)).toEqual(isNew ? 'preview4' : expect.stringMatching(/^(any|preview4)$/));
  });

  it('is refused as one of the revision that it looks like', () => {
    const faultOf = (hex: string) => {
      try {
        return guess(hex);
      } catch (error) {
        if (!isWireError(error)) throw error;
        return error.fault;
      }
    };
    const submit = packetsOf('preview4').find(({ name }) => name === 'packet.frame_submit.token')?.hex ?? '';
    const cancel = packetsOf('preview4').find(({ name }) => name === 'packet.abort')?.hex ?? '';
    // tile_index_mode 9; diagnostic_bytes 9.
    expect(faultOf(withByte(submit, 54, '09'))).toMatchObject({ enum: 'tile_index_mode' });
    expect(faultOf(withByte(cancel, 60, '09'))).toMatchObject({
      kind: 'declared_length_mismatch',
    });
    expect(faultOf('4e4e5250010022280000')).toMatchObject({ kind: 'source_too_short' });
    const submit3 = `4e4e525001001028${'00'.repeat(4)}48${'00'.repeat(7)}0100000001${'00'.repeat(15)}${'00'.repeat(72)}`;
    expect(guess(submit3)).toBe('preview3');
    expect(faultOf(withByte(submit3, 54, '09'))).toMatchObject({ enum: 'tile_index_mode' });
  });

  it('says which it is, and is encoded as that again', () => {
    for (const { hex } of [...packetsOf('preview3'), ...packetsOf('preview4')]) {
      const answer = performRequest({ op: 'decode', struct: 'PACKET', hex, guess: true });
      const { fields } = answer as { fields: Record<string, unknown> };
      expect(Object.keys(fields)[0]).toBe('revision');
      expect(performRequest({ op: 'encode', struct: 'PACKET', fields })).toEqual({ hex });
    }
  });
});

describe('a revision that is asked for', () => {
  it('has its own structures', () => {
    const hex = '00'.repeat(32);
    expect(performRequest({ op: 'decode', struct: 'scheduling', hex, revision: 'preview4' })).toHaveProperty('fields');
    expect(() => performRequest({ op: 'decode', struct: 'scheduling', hex })).toThrow(
      "there is no structure 'scheduling'",
    );
    expect(() => performRequest({ op: 'decode', struct: 'CAPABILITY_TOKENS', hex })).toThrow('there is no structure');
  });

  it('may be wrong', () => {
    for (const [revision, got] of [
      ['preview9', "'preview9'"],
      [4, 'number'],
      [null, 'null'],
    ] as const) {
      expect(() => performRequest({ op: 'decode', struct: 'PACKET', hex: '', revision })).toThrow(
        `revision takes preview3 or preview4, got ${got}`,
      );
    }
  });

  it('has lists of capability tokens', () => {
    const request = { struct: 'CAPABILITY_TOKENS', revision: 'preview4' };
    const fields = { tokens: ['object.delta', 'cache.reference'] };
    const hex = '0f0063616368652e7265666572656e63650c006f626a6563742e64656c7461';
    expect(performRequest({ op: 'encode', ...request, fields })).toEqual({ hex });
    expect(performRequest({ op: 'decode', ...request, hex })).toEqual({
      fields: { tokens: ['cache.reference', 'object.delta'] },
    });
    for (const wrong of [{}, { tokens: 'x' }, { tokens: [1] }, { tokens: [], more: 1 }]) {
      expect(() => performRequest({ op: 'encode', ...request, fields: wrong })).toThrow(/^(there is no )?field '/);
    }
  });
});
