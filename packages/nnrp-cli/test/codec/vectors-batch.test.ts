import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nnrp } from '../cli-process.js';

interface Vector {
  readonly name: string;
  readonly kind?: string;
  readonly struct?: string;
  readonly hex: string;
  readonly fields?: Record<string, unknown>;
  readonly expect_error?: object;
  readonly trailing_bytes?: number;
  /** The last release of the reference that accepts it. */
  readonly until?: string;
}

interface Vectors {
  readonly positive: readonly Vector[];
  readonly negative: readonly Vector[];
  readonly negative_write: readonly Vector[];
}

const KINDS = ['struct', 'header', 'packet'];

/** Header fields that the packet vectors leave out, because they are the same in every packet. */
const FIXED_HEADER = { version_major: 1, wire_format: 0, header_len: 40 };

const REVISIONS = [
  { revision: 'preview3', counts: [170, 170, 30] },
  { revision: 'preview4', counts: [340, 420, 50] },
] as const;

describe.each(REVISIONS)('the golden vectors of $revision through nnrp --batch', ({ revision, counts }) => {
  const vectors = JSON.parse(
    readFileSync(new URL(`../../../../spec/${revision}/vectors.json`, import.meta.url), 'utf8'),
  ) as Vectors;
  // What only an earlier release accepts is refused by the rules of the newest.
  const positive = vectors.positive.filter(({ kind, until }) => KINDS.includes(kind ?? '') && until === undefined);
  const negative = vectors.negative.filter(({ kind }) => KINDS.includes(kind ?? ''));

  it('decode to their fields', async () => {
    const answers = await batch(
      revision,
      'decode',
      positive.map((vector) => ({ struct: structOf(vector), hex: vector.hex })),
    );
    expect(answers.length).toBeGreaterThan(counts[0]);
    positive.forEach((vector, index) => {
      const answer = answers[index] as { id: number; fields: Record<string, unknown> };
      expect(answer.id, vector.name).toBe(index);
      if (vector.kind === 'packet') expect(answer.fields, vector.name).toMatchObject(vector.fields!);
      else expect(answer, vector.name).toStrictEqual({ id: index, fields: vector.fields });
      if (vector.kind === 'packet') expect(answer.fields['header'], vector.name).toMatchObject(FIXED_HEADER);
    });
  });

  it('encode to their bytes', async () => {
    const requests = positive.map((vector) => ({
      struct: structOf(vector),
      fields: vector.fields,
      ...(vector.kind === 'packet' ? { message_type: Number.parseInt(vector.hex.slice(12, 14), 16) } : {}),
    }));
    const answers = await batch(revision, 'encode', requests);
    positive.forEach((vector, index) => {
      const hex = vector.hex.slice(0, vector.hex.length - 2 * (vector.trailing_bytes ?? 0));
      expect(answers[index], vector.name).toStrictEqual({ id: index, hex });
    });
  });

  it('are refused with exactly their error', async () => {
    const answers = await batch(
      revision,
      'decode',
      negative.map((vector) => ({ struct: structOf(vector), hex: vector.hex })),
    );
    expect(answers.length).toBeGreaterThan(counts[1]);
    negative.forEach((vector, index) => {
      expect(answers[index], vector.name).toStrictEqual({ id: index, error: vector.expect_error });
    });
  });

  it('are not written when they are wrong, with exactly their error', async () => {
    const requests = vectors.negative_write.map(({ struct, fields }) => ({ struct, fields }));
    const answers = await batch(revision, 'encode', requests);
    expect(answers.length).toBeGreaterThan(counts[2]);
    vectors.negative_write.forEach((vector, index) => {
      expect(answers[index], vector.name).toStrictEqual({ id: index, error: vector.expect_error });
    });
  });
});

function structOf({ kind, struct }: Vector): string {
  return struct ?? kind!.toUpperCase();
}

async function batch(revision: string, op: string, requests: readonly object[]): Promise<unknown[]> {
  const lines = requests.map((request, id) => JSON.stringify({ id, op, ...request })).join('\n');
  const { code, stdout, stderr } = await nnrp(['decode', '--batch', '--revision', revision], `${lines}\n`);
  expect([code, stderr]).toEqual([0, '']);
  const answers = stdout.toString('utf8').trimEnd().split('\n');
  expect(answers).toHaveLength(requests.length);
  return answers.map((line) => JSON.parse(line) as unknown);
}
