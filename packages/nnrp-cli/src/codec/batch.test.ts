import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { answerLine, type BatchDefaults, runBatch } from './batch.js';

const DECODE: BatchDefaults = { op: 'decode', names: false };
const CLOSE_ACK = { close_status: 2, last_operation_id: '1', session_error_code: 0 };
const CLOSE_ACK_HEX = '02000000010000000000000000000000';
/** Deeper than any stack. */
const DEPTH = 200_000;
const DROP = { header: { message_type: 19, session_id: 1, frame_id: 2 } };

function answer(request: unknown, defaults: BatchDefaults = DECODE): unknown {
  return JSON.parse(answerLine(typeof request === 'string' ? request : JSON.stringify(request), defaults));
}

function encodeError(struct: string, fields: unknown, more: object = {}): unknown {
  return (answer({ op: 'encode', struct, fields, ...more }) as { error?: unknown }).error;
}

describe('a batch request', () => {
  it('decodes and encodes, whatever the command', () => {
    expect(answer({ id: 1, struct: 'session_close_ack', hex: CLOSE_ACK_HEX })).toStrictEqual({
      id: 1,
      fields: CLOSE_ACK,
    });
    expect(answer({ id: 1, op: 'encode', struct: 'SESSION_CLOSE_ACK', fields: CLOSE_ACK })).toStrictEqual({
      id: 1,
      hex: CLOSE_ACK_HEX,
    });
    const encode: BatchDefaults = { op: 'encode', names: false, struct: 'SESSION_CLOSE_ACK' };
    expect(answer({ id: 1, fields: CLOSE_ACK }, encode)).toStrictEqual({ id: 1, hex: CLOSE_ACK_HEX });
    expect(answer({ id: 1, op: 'decode', hex: CLOSE_ACK_HEX }, encode)).toStrictEqual({ id: 1, fields: CLOSE_ACK });
  });

  it.each([[null], ['text'], [0], [[1, { a: null }]], [{ deep: [true] }]])('gets its id %j back', (id) => {
    expect(answer({ id, struct: 'HEADER', hex: '' })).toHaveProperty('id', id);
    expect(answer({ id, struct: 'SESSION_CLOSE_ACK', hex: CLOSE_ACK_HEX })).toHaveProperty('id', id);
  });

  it.each(['9007199254740993', '-9007199254740992', '0.1', '1e400'])('is refused with the number %s as id', (id) => {
    const message = 'id is a number that may not come back the same: send it as a string';
    expect(answer(`{"id":${id},"struct":"SESSION_CLOSE_ACK","hex":"${CLOSE_ACK_HEX}"}`)).toEqual({
      id: null,
      error: { kind: 'bad_request', message },
    });
  });

  it.each([
    [{ kind: {}, struct: 'recovery_ticket', hex: '00' }, { revision: 'preview3' }, 'bad_request'],
    [{ machine: 'operations', steps: [{ do: 'abort', id: {} }] }, {}, 'invalid_field'],
    [{ builder: 'token', input: { operation_id: {}, frame_id: 1, chunks: [] } }, {}, 'invalid_field'],
    [
      {
        op: 'encode',
        kind: 'recovery_ticket',
        fields: { session_id: 1, resume_from_operation_id: {}, resume_window_ms: 0 },
      },
      {},
      'invalid_field',
    ],
    [{ op: 'encode', kind: 'capability_tokens', fields: { tokens: [{}] } }, {}, 'invalid_field'],
  ])('is refused alone where an object of it has a toString of its own: %j', (request, more, kind) => {
    const line = JSON.stringify({ ...request, ...more }).replace('{}', '{"toString":1,"valueOf":1}');
    expect(answer(line, { ...DECODE, revision: 'preview4' })).toMatchObject({ error: { kind } });
  });

  it('is refused where a script of sessions would tell of each at each of very many steps', () => {
    const steps = (count: number) => ({ machine: 'lifecycle', steps: Array(count).fill({ do: 'close_connection' }) });
    const of4: BatchDefaults = { ...DECODE, revision: 'preview4' };
    expect(answer(steps(1000), of4)).toHaveProperty('results');
    expect(answer(steps(1001), of4)).toEqual({
      id: null,
      error: { kind: 'bad_request', message: 'steps: a lifecycle has at most 1000, got 1001' },
    });
  });

  it('gets the largest safe integer back', () => {
    const line = answerLine(`{"id":9007199254740991,"struct":"SESSION_CLOSE_ACK","hex":"${CLOSE_ACK_HEX}"}`, DECODE);
    expect(line).toMatch(/^\{"id":9007199254740991,"fields":\{/);
  });

  it('is refused with an id that is nested too deeply, wherever else it may be so', () => {
    const error = { kind: 'bad_request', message: 'id is nested too deeply' };
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const deep = `${open.repeat(DEPTH)}1${close.repeat(DEPTH)}`;
      expect(answer(`{"id":${deep},"struct":"SESSION_CLOSE_ACK","hex":"${CLOSE_ACK_HEX}"}`)).toEqual({
        id: null,
        error,
      });
      expect(answer(`{"id":${deep},"struct":"HEADER","hex":"0"}`)).toEqual({ id: null, error });
      expect(answer(`{"id":1,"struct":${deep},"hex":${deep}}`)).toMatchObject({
        id: 1,
        error: { kind: 'bad_request' },
      });
      const encode = (struct: string, fields: string) =>
        answer(`{"id":1,"op":"encode","struct":"${struct}","fields":${fields}}`);
      expect(encode('SESSION_CLOSE_ACK', deep)).toHaveProperty('error');
      expect(encode('SESSION_CLOSE_ACK', `{"close_status":${deep}}`)).toMatchObject({
        error: { kind: 'invalid_field' },
      });
      expect(encode('PACKET', `{"message_type":${deep}}`)).toMatchObject({ error: { kind: 'invalid_field' } });
      expect(encode('PACKET', `{"message_type":"PING","header":{"flags":${deep}}}`)).toMatchObject({
        error: { kind: 'invalid_field', field: 'header.flags' },
      });
    }
  });

  it('ignores bytes after a structure', () => {
    expect(answer({ struct: 'SESSION_CLOSE_ACK', hex: `${CLOSE_ACK_HEX}ffff` })).toStrictEqual({
      id: null,
      fields: CLOSE_ACK,
    });
  });

  it('names enum values and flags when asked to', () => {
    const names = { ...DECODE, names: true };
    const flow = { scope_kind: 1, update_reason: 0, backpressure_level: 2, connection_credit: 0, session_credit: 7 };
    const rest = { operation_credit: 0, operation_id: '0', retry_after_ms: 5, credit_epoch: 1, flow_flags: 3 };
    const { hex } = answer({ op: 'encode', struct: 'FLOW_UPDATE', fields: { ...flow, ...rest } }) as { hex: string };
    expect(answer({ struct: 'FLOW_UPDATE', hex }, names)).toMatchObject({
      fields: {
        scope_kind_name: 'session',
        backpressure_level_name: 'hard',
        flow_flags: 3,
        flow_flags_names: ['credit_valid', 'retry_after_valid'],
      },
    });
    expect(answer({ struct: 'SESSION_CLOSE_ACK', hex: '020000000100000000000000ffffffff' }, names)).toMatchObject({
      fields: { session_error_code: 0xffffffff, session_error_code_name: null },
    });
  });

  it.each<[string, unknown, object]>([
    ['text that is no JSON', '{', { kind: 'bad_request', message: expect.stringMatching(/^not JSON: /) }],
    ['an empty line', '', { kind: 'bad_request', message: expect.stringMatching(/^not JSON: /) }],
    ['JSON that is no object', '[1]', { kind: 'bad_request', message: 'not a JSON object' }],
    [
      'an unknown op',
      { op: 'delete', struct: 'HEADER' },
      { kind: 'bad_request', message: expect.stringMatching(/^op takes 'decode', 'encode', 'check'/) },
    ],
    ['no struct', { hex: '' }, { kind: 'bad_request', message: 'struct is missing' }],
    [
      'a struct that is no text',
      { struct: 1 },
      { kind: 'bad_request', message: 'struct takes the name of a structure' },
    ],
    ['no hex', { struct: 'HEADER' }, { kind: 'bad_request', message: 'hex is missing' }],
    [
      'hex that is no text',
      { struct: 'HEADER', hex: 1 },
      { kind: 'bad_request', message: 'hex takes a string, got number' },
    ],
    ['bad hex', { struct: 'HEADER', hex: '0' }, { kind: 'bad_request', message: 'hex: odd number of digits (1)' }],
    ['no fields', { op: 'encode', struct: 'HEADER' }, { kind: 'bad_request', message: 'fields is missing' }],
    ['an unknown structure', { struct: 'constructor', hex: '' }, { kind: 'unknown_struct', struct: 'constructor' }],
    ['bytes that end early', { struct: 'PACKET', hex: '4e' }, { kind: 'source_too_short', expected: 40, actual: 1 }],
  ])('is refused with %s', (_, request, error) => {
    expect(answer(request)).toEqual({ id: null, error });
  });

  it('refuses fields that are unknown, reserved, missing or of another type', () => {
    const refused = (fields: object) => encodeError('SESSION_CLOSE_ACK', fields);
    expect(refused({ ...CLOSE_ACK, extra: 1 })).toEqual({ kind: 'unknown_field', field: 'extra' });
    expect(refused({ ...CLOSE_ACK, reserved0: 0 })).toEqual({ kind: 'unknown_field', field: 'reserved0' });
    expect(encodeError('SESSION_CLOSE_ACK', JSON.parse('{"__proto__":1}'))).toEqual({
      kind: 'unknown_field',
      field: '__proto__',
    });
    expect(refused({ close_status: 2 })).toEqual({ kind: 'missing_field', field: 'last_operation_id' });
    const invalid = (field: string, value: unknown) => refused({ ...CLOSE_ACK, [field]: value });
    const number = { kind: 'invalid_field', field: 'close_status', expected: 'number' };
    expect(invalid('close_status', '2')).toEqual({ ...number, actual: 'string' });
    expect(invalid('close_status', null)).toEqual({ ...number, actual: 'null' });
    expect(invalid('close_status', [2])).toEqual({ ...number, actual: 'array' });
    const decimal = { kind: 'invalid_field', field: 'last_operation_id', expected: 'decimal string' };
    expect(invalid('last_operation_id', '0x1')).toEqual({ ...decimal, actual: 'string' });
    expect(invalid('last_operation_id', 2 ** 53)).toEqual({ ...decimal, actual: 'number' });
    expect(invalid('close_status', 256)).toEqual({ kind: 'unknown_enum_value', enum: 'close_status', value: 256 });
    expect(invalid('session_error_code', 2 ** 32)).toMatchObject({ kind: 'field_out_of_range', type: 'u32' });
    expect(invalid('last_operation_id', '18446744073709551616')).toMatchObject({
      kind: 'field_out_of_range',
      type: 'u64',
    });
    expect(
      answer({ op: 'encode', struct: 'SESSION_CLOSE_ACK', fields: { ...CLOSE_ACK, last_operation_id: 1 } }),
    ).toHaveProperty('hex', CLOSE_ACK_HEX);
  });
});

describe('PACKET', () => {
  it('takes its message type as number or name, from any of three places', () => {
    const hexOf = (request: object) => (answer({ op: 'encode', struct: 'PACKET', ...request }) as { hex: string }).hex;
    const ping = hexOf({ fields: { header: { message_type: 32 } } });
    expect(ping).toMatch(/^4e4e5250010020280{64}$/);
    expect(hexOf({ fields: { message_type: 'PING' } })).toBe(ping);
    expect(hexOf({ fields: {}, message_type: 'ping' })).toBe(ping);
    expect(hexOf({ message_type: 32 })).toBe(ping);
  });

  it('takes the lengths from the parts, whatever the header says', () => {
    const fields = { header: { message_type: 'CLOSE', meta_len: 9, body_len: 9 }, body_hex: 'ab cd' };
    const { hex } = answer({ op: 'encode', struct: 'PACKET', fields }) as { hex: string };
    expect(answer({ struct: 'PACKET', hex })).toMatchObject({
      fields: { header: { meta_len: 0, body_len: 2 }, body_hex: 'abcd' },
    });
    expect(answer({ struct: 'PACKET', hex })).not.toHaveProperty('fields.metadata');
  });

  it('refuses parts that do not fit together', () => {
    const refused = (fields: object, more = {}) => encodeError('PACKET', fields, more);
    expect(refused({})).toEqual({ kind: 'missing_field', field: 'message_type' });
    expect(refused({ message_type: 'PINGG' })).toEqual({
      kind: 'invalid_field',
      field: 'message_type',
      expected: 'message name or number',
      actual: "'PINGG'",
    });
    expect(refused({ message_type: 'PING' }, { message_type: 33 })).toEqual({
      kind: 'bad_request',
      message: 'message_type is given as 32 and as 33',
    });
    expect(refused({ message_type: 48 })).toEqual({ kind: 'unknown_message_type', value: 48 });
    expect(refused({ ...DROP, extra: 1 })).toEqual({ kind: 'unknown_field', field: 'extra' });
    expect(refused({ header: { ...DROP.header, extra: 1 } })).toEqual({ kind: 'unknown_field', field: 'header.extra' });
    expect(refused({ header: [] })).toEqual({
      kind: 'invalid_field',
      field: 'header',
      expected: 'object',
      actual: 'array',
    });
    expect(refused({ ...DROP, metadata: { a: 1 } })).toEqual({ kind: 'unknown_field', field: 'metadata.a' });
    expect(refused({ ...DROP, body_hex: 1 })).toEqual({
      kind: 'invalid_field',
      field: 'body_hex',
      expected: 'hex string',
      actual: 'number',
    });
    expect(refused({ ...DROP, body_hex: '00' })).toEqual({ kind: 'invalid_combination', rule: 'CTRL-3' });
    expect(refused({ header: { ...DROP.header, header_len: 41 } })).toEqual({
      kind: 'invalid_header_length',
      value: 41,
    });
    expect(refused({ header: { ...DROP.header, version_major: 2 } })).toEqual({
      kind: 'unsupported_version_major',
      value: 2,
    });
    expect(refused({ header: { ...DROP.header, flags: 64 } })).toEqual({
      kind: 'reserved_bits_set',
      value: 64,
      allowed: 63,
    });
    expect(refused({ message_type: 'SESSION_CLOSE_ACK' })).toEqual({ kind: 'missing_field', field: 'metadata' });
    expect(refused({ message_type: 'SESSION_CLOSE_ACK', metadata: {} })).toEqual({
      kind: 'missing_field',
      field: 'metadata.close_status',
    });
    expect(refused({ message_type: 'SESSION_CLOSE_ACK', metadata: CLOSE_ACK, body_hex: '00' })).toEqual({
      kind: 'unexpected_body',
      message: 'SESSION_CLOSE_ACK',
      actual: 1,
    });
    const flow = {
      scope_kind: 0,
      update_reason: 0,
      backpressure_level: 0,
      connection_credit: 1,
      session_credit: 0,
      operation_credit: 0,
    };
    const metadata = { ...flow, operation_id: '0', retry_after_ms: 0, credit_epoch: 1, flow_flags: 1 };
    expect(refused({ header: { message_type: 'FLOW_UPDATE', session_id: 1 }, metadata })).toEqual({
      kind: 'invalid_combination',
      rule: 'FLOW-2',
    });
  });
});

describe('runBatch', () => {
  it('answers every line in order, also the last one without a line feed', async () => {
    const lines = Array.from({ length: 5000 }, (_, id) =>
      JSON.stringify({ id, struct: 'SESSION_CLOSE_ACK', hex: CLOSE_ACK_HEX }),
    );
    const answers = await run(Readable.from([Buffer.from(lines.join('\n'))]));
    expect(answers.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual(lines.map((_, id) => id));
  });

  it('refuses a line that is too long and goes on', async () => {
    const input = Readable.from([Buffer.from(`{"id":1,"hex":"${'0'.repeat(100)}"}\n{"id":2,"struct":"HEADER"}\n`)]);
    expect(await run(input, { ...DECODE, maxLineBytes: 64 })).toEqual([
      '{"id":null,"error":{"kind":"bad_request","message":"the line is longer than 64 bytes"}}',
      '{"id":2,"error":{"kind":"bad_request","message":"hex is missing"}}',
    ]);
  });

  it('ignores a byte order mark in front of the first line only', async () => {
    const line = '{"id":1,"struct":"HEADER"}';
    const [first, second] = await run(Readable.from([Buffer.from(`\uFEFF${line}\n\uFEFF${line}\n`)]));
    expect(first).toBe('{"id":1,"error":{"kind":"bad_request","message":"hex is missing"}}');
    expect(JSON.parse(second!)).toEqual({
      id: null,
      error: { kind: 'bad_request', message: expect.stringContaining('not JSON') },
    });
    expect(await run(Readable.from([Buffer.from(`\uFEFF${line}`)]))).toEqual([first]);
  });

  it('fails with a message when the input fails', async () => {
    const input = new Readable({ read: () => input.destroy(new Error('EISDIR: illegal operation')) });
    await expect(run(input)).rejects.toThrow('cannot read standard input: EISDIR: illegal operation');
  });

  it('does not read on while its answers are not read', async () => {
    let produced = 0;
    const line = Buffer.from(
      `${JSON.stringify({ id: 1, struct: 'SESSION_CLOSE_ACK', hex: CLOSE_ACK_HEX })}\n`.repeat(100),
    );
    const input = new Readable({
      highWaterMark: 1,
      read() {
        produced++;
        this.push(produced <= 100 ? line : null);
      },
    });
    const stdout = new PassThrough({ highWaterMark: 1 });
    const done = runBatch({ stdin: input, stdout, stderr: new PassThrough() }, DECODE);
    await new Promise((turn) => setImmediate(turn));
    await new Promise((turn) => setImmediate(turn));
    expect(produced).toBeLessThan(5);
    stdout.resume();
    await done;
    expect(produced).toBeGreaterThan(100);
  });
});

async function run(stdin: Readable, defaults = DECODE): Promise<string[]> {
  const stdout = new PassThrough();
  const text = stdout.setEncoding('utf8').toArray() as Promise<string[]>;
  await runBatch({ stdin, stdout, stderr: new PassThrough() }, defaults);
  stdout.end();
  return (await text).join('').trimEnd().split('\n');
}
