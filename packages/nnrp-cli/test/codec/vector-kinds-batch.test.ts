import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nnrp } from '../cli-process.js';

interface Vector {
  readonly name: string;
  readonly kind?: string;
  readonly hex?: string;
  readonly fields?: unknown;
  readonly expect_error?: object;
  readonly until?: string;
  readonly outcome?: string;
  readonly metadata_hex?: string;
  readonly body_hex?: string;
  readonly results?: unknown;
  readonly result?: unknown;
  readonly error?: string;
  readonly value?: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../spec/preview4/vectors.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly Vector[]>>;

/** Those have tests of their own. */
const WHOLE = ['struct', 'header', 'packet'];
const KINDS = [
  'message',
  'typed_payload_region',
  'object_reference_region',
  'body',
  'capability_tokens',
  'recovery_ticket',
];

/** What only an earlier release accepts is refused here. */
function section(name: string): Vector[] {
  return (vectors[name] ?? []).filter(({ kind, until }) => !WHOLE.includes(kind ?? '') && until === undefined);
}

describe('the golden vectors that are no structures through nnrp --batch --revision preview4', () => {
  it('decode to their fields, and back to their bytes', async () => {
    const positive = section('positive');
    expect([...new Set(positive.map(({ kind }) => kind))].sort()).toEqual([...KINDS].sort());
    const decoded = await answers(positive);
    const encoded = await answers(positive.map((vector) => ({ ...vector, op: 'encode' })));
    positive.forEach(({ name, fields, hex }, index) => {
      expect(decoded[index], name).toStrictEqual({ fields });
      expect(encoded[index], name).toStrictEqual({ hex });
    });
  });

  it('are refused with exactly their error', async () => {
    await expectAnswers(section('negative'), ({ expect_error: error }) => ({ error }));
  });

  it('judge one structure, or two against each other', async () => {
    await expectAnswers(section('semantic'), ({ outcome, expect_error: error }) => (error ? { error } : { outcome }));
  });

  it('build submits to the byte', async () => {
    await expectAnswers(section('builders'), ({ metadata_hex, body_hex, expect_error: error }) =>
      error ? { error } : { metadata_hex, body_hex },
    );
  });

  it('feed the machines', async () => {
    await expectAnswers(section('scripts'), ({ results }) => ({ results }));
  });

  it('choose routes, and read endpoints', async () => {
    await expectAnswers(section('selection'), ({ result }) => ({ result }));
    await expectAnswers(section('endpoints'), ({ fields, error }) => (error === undefined ? { fields } : { error }));
  });

  it('know the numbers of the protocol', async () => {
    const constants = section('constants').map((vector) => ({ ...vector, op: 'constant' }));
    await expectAnswers(constants, ({ value, hex }) => ({ value, hex }));
  });
});

describe('a request of no structure', () => {
  const request = { operation_id: '1', frame_id: 1 };
  const tensor = { ...request, tile_ids: [1], sections: [], camera_hex: '' };
  const section0 = {
    role_id: 1,
    default_codec_id: 0,
    dtype_id: 5,
    layout_id: 0,
    scale_policy: 0,
    element_count_per_tile: 1,
    tile_payloads_hex: ['61'],
    payload_stride_bytes: 0xffff_ffff,
  };
  it.each([
    [{ op: 'draw' }, { kind: 'bad_request' }],
    [
      { op: 'run', machine: 'loom', steps: [] },
      { kind: 'invalid_field', field: 'machine' },
    ],
    [
      { machine: 'operations', steps: {} },
      { kind: 'invalid_field', field: 'steps', actual: 'object' },
    ],
    [
      { machine: 'operations', steps: [3] },
      { kind: 'invalid_field', field: 'steps[0]' },
    ],
    [
      { machine: 'operations', steps: [{ do: 'abort' }] },
      { kind: 'missing_field', field: 'steps[0].id' },
    ],
    [
      { machine: 'operations', steps: [{ do: 'abort', id: '-1' }] },
      { kind: 'invalid_field', field: 'steps[0].id' },
    ],
    [
      { machine: 'operations', steps: [{ do: 'state', id: '1', to: 1 }] },
      { kind: 'unknown_field', field: 'steps[0].to' },
    ],
    [{ machine: 'operations', steps: [{ do: 'transition', id: '1', to: 8 }] }, { kind: 'invalid_field' }],
    [{ machine: 'lifecycle', steps: [{ do: 'close', packet_hex: 'zz' }] }, { kind: 'bad_request' }],
    [
      { machine: 'schemas', standard: 1, steps: [] },
      { kind: 'invalid_field', field: 'standard' },
    ],
    [
      { check: 'nothing', hex_list: [] },
      { kind: 'invalid_field', field: 'check' },
    ],
    [{ check: 'hello_ack', hex_list: ['00'] }, { kind: 'bad_request' }],
    [
      { check: 'progress', hex_list: [''] },
      { kind: 'source_too_short', expected: 32, actual: 0 },
    ],
    [
      { check: 'scheduling', hex_list: ['00'.repeat(32)] },
      { kind: 'missing_field', field: 'message_type' },
    ],
    [
      { builder: 'token', input: { ...request, chunks: 3 } },
      { kind: 'invalid_field', field: 'input.chunks' },
    ],
    [
      { builder: 'token', input: { ...request, chunks: [], more: 1 } },
      { kind: 'unknown_field', field: 'input.more' },
    ],
    [{ builder: 'token', input: { ...request, frame_id: 1.5, chunks: [] } }, { kind: 'invalid_field' }],
    [{ builder: 'tensor', input: { ...tensor, tile_ids: ['a'] } }, { field: 'input.tile_ids[0]' }],
    [{ builder: 'tensor', input: { ...tensor, tile_ids: [70_000] } }, { kind: 'bad_request' }],
    [{ builder: 'tensor', input: { ...tensor, sections: [section0] } }, { kind: 'bad_request' }],
    [{ op: 'select', input: { providers: [{ transport_id: 9 }] } }, { field: 'input.providers[0].transport_id' }],
    [{ op: 'select', input: { providers: [], policy: 'prefer_pigeon' } }, { field: 'input.policy' }],
    [
      { kind: 'application', value: 7 },
      { kind: 'invalid_field', field: 'value', actual: 'number' },
    ],
    [
      { op: 'constant', name: 'toString' },
      { kind: 'invalid_field', field: 'name' },
    ],
    [{ kind: 'message', struct: 'PREFIX', hex: '' }, { kind: 'unknown_struct' }],
    [{ kind: 'message', struct: 'BODY_REGION_PRELUDE', hex: '00'.repeat(32) }, { kind: 'unknown_struct' }],
    [
      { kind: 'body', hex: '' },
      { kind: 'missing_field', field: 'context.payload_kind_bitmap' },
    ],
    [{ op: 'encode', kind: 'recovery_ticket', fields: { session_id: 1 } }, { field: 'fields.resume_window_ms' }],
    [
      { op: 'encode', kind: 'recovery_ticket', fields: [] },
      { kind: 'invalid_field', field: 'fields' },
    ],
    [{ op: 'check', revision: 'preview3' }, { kind: 'bad_request' }],
  ])('that is wrong says what: %j', async (line, error) => {
    const [answer] = await answers([line]);
    expect(answer).toMatchObject({ error });
  });

  it('feeds schemas to a registry that knows them by hash and profile, as the reference does', async () => {
    // schema_id, schema_version, profile_id, schema_flags, the major versions, and the hash at 16.
    const header = '0500000001000000020000000000000000000000000000000100000000000000';
    const changed = `${header.slice(0, 20)}01${header.slice(22)}`;
    const otherHash = `${header.slice(0, 48)}02${header.slice(50)}`;
    const steps = [header, changed, otherHash].map((hex) => ({ do: 'install', hex }));
    const [answer] = await answers([{ machine: 'schemas', steps }]);
    const results = [{ ok: 'installed' }, { ok: 'alreadyinstalled' }, { error_code: 0x40003 }];
    expect(answer).toEqual({ results });
  });

  it('says null for the port of an application that names none', async () => {
    const [answer] = await answers([{ kind: 'application', value: 'nnrps://host.test/x' }]);
    const fields = { authority: 'host.test', path_and_query: '/x', host: 'host.test', port: null, secure: true };
    expect(answer).toEqual({ fields });
  });

  it('gives the fault of a step as its result, and goes on', async () => {
    const header = '4e4e525001000128000000000000000000000000000000000000000000000000000000000000000000';
    const steps = [{ do: 'open_ack', packet_hex: header.slice(0, 80) }, { do: 'close_connection' }];
    const [answer] = await answers([{ machine: 'lifecycle', steps }]);
    const results = (answer as { results: object[] }).results;
    expect(results).toMatchObject([
      { error: { kind: expect.any(String) }, sessions: {} },
      { ok: 'ok', sessions: {} },
    ]);
  });
});

async function expectAnswers(requests: readonly Vector[], expected: (vector: Vector) => object): Promise<void> {
  expect(requests.length).toBeGreaterThan(0);
  const got = await answers(requests);
  for (const [index, vector] of requests.entries()) {
    expect(got[index], vector.name).toStrictEqual(expected(vector));
  }
}

/** The answers without their ids. */
async function answers(requests: readonly object[]): Promise<object[]> {
  const lines = requests.map((request, id) => JSON.stringify({ ...request, id })).join('\n');
  const { code, stdout, stderr } = await nnrp(['decode', '--batch', '--revision', 'preview4'], `${lines}\n`);
  expect([code, stderr]).toEqual([0, '']);
  const read = stdout.toString('utf8').trimEnd().split('\n');
  expect(read).toHaveLength(requests.length);
  return read.map((line, index) => {
    const { id, ...answer } = JSON.parse(line) as { id: number };
    expect(id).toBe(index);
    return answer;
  });
}
