import * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { describe, expect, it } from 'vitest';
import { bodyBytes } from '../../connection/body/body-bytes.js';
import {
  CALL_SCHEMA,
  decodeAnswer,
  decodePartial,
  decodeRequest,
  type EncodedEnvelope,
  encodeAnswer,
  encodePartial,
  encodeRequest,
  PROFILE_SCHEMA,
} from './envelope.js';
import { NO_METADATA } from './metadata.js';

/**
 * The body of the submit that the protocol's own suite sends for the profile, byte for byte but for one field: descriptors of
 * preview4 have a kind, which preview3 leaves 0.
 */
const SUITE =
  '000000000000000018000000c7000000000000000000000000000000000000000000000000000000000000000100000000000000c70000007b22736368656d615f76657273696f6e223a226f70656e61692d636f6d70617469626c652f31222c226f7065726174696f6e223a22636861742e636f6d706c6574696f6e732e637265617465222c22726571756573745f6964223a227265715f776972655f31222c22626f6479223a7b226d6f64656c223a227265666572656e63652d6d6f64656c222c226d65737361676573223a5b7b22726f6c65223a2275736572222c22636f6e74656e74223a2270696e67227d5d2c2273747265616d223a747275657d7d';
const SUITE_DELTA =
  '7b2274797065223a22726573706f6e73652e6f75747075745f746578742e64656c7461222c22696e646578223a302c2264656c7461223a22706f6e67227d';
const BODY = { model: 'reference-model', messages: [{ role: 'user', content: 'ping' }], stream: true };

const hex = ({ body }: EncodedEnvelope) => Buffer.from(bodyBytes(body)).toString('hex');
const bytes = (text: string) => new TextEncoder().encode(text);
const counts = ({ payloadKindBitmap, payloadFrameCount }: EncodedEnvelope) =>
  ({ payloadKindBitmap, payloadFrameCount }) as preview3.FrameSubmit & preview3.ResultPush;
const EVENT = { payloadKindBitmap: 0x10, payloadFrameCount: 1 } as preview3.FrameSubmit & preview3.ResultPush;

function typed(value: unknown, ...more: preview3.PayloadInput[]) {
  const encoded = preview3.encodePayloads([preview3.eventPayload(value), ...more]);
  return [bodyBytes(encoded.body), encoded.metadata as preview3.FrameSubmit & preview3.ResultPush] as const;
}

function typed4(value: unknown) {
  const encoded = preview4.encodePayloads([preview4.eventPayload(value)]);
  return [bodyBytes(encoded.body)] as const;
}

describe('the profile openai-compatible/1', () => {
  const request = {
    schema: PROFILE_SCHEMA,
    route: 'chat.completions.create',
    requestId: 'req_wire_1',
    metadata: NO_METADATA,
    body: BODY,
  } as const;

  it('writes the submit of the suite over preview4, byte for byte, and reads it', () => {
    const suite = `${SUITE.slice(0, 68)}10${SUITE.slice(70)}`;
    const encoded = encodeRequest(request, 'preview4');
    expect([hex(encoded), counts(encoded)]).toEqual([suite, EVENT]);
    expect(decodeRequest(new Uint8Array(Buffer.from(suite, 'hex')), EVENT, 0)).toEqual(request);
  });

  it('reads one that has objects before its payload', () => {
    const [bare] = typed4({ schema_version: PROFILE_SCHEMA, operation: 'o' });
    const body = Buffer.concat([bare.subarray(0, 32), Buffer.alloc(24), bare.subarray(32)]);
    body.writeUInt32LE(24, 4);
    body.writeUInt16LE(1, 32);
    expect(decodeRequest(body, EVENT, 0)).toMatchObject({ route: 'o' });
  });

  it('reads one that says of its payload which place it has in its stream', () => {
    const event = { schema_version: PROFILE_SCHEMA, operation: 'o' };
    for (const options of [{ terminal: true }, { partial: true }, { schema: { schemaId: 1, schemaVersion: 1 } }]) {
      const { body } = preview3.encodePayloads([preview3.eventPayload(event, options)]);
      expect(decodeRequest(bodyBytes(body), EVENT, 0)).toMatchObject({ route: 'o' });
    }
  });

  it('writes the submit of the suite, byte for byte, and reads it', () => {
    const encoded = encodeRequest(request);
    expect([hex(encoded), counts(encoded)]).toEqual([SUITE, EVENT]);
    expect(decodeRequest(new Uint8Array(Buffer.from(SUITE, 'hex')), EVENT, 0)).toEqual(request);
  });

  it('writes the delta of the suite as raw JSON, byte for byte, and reads it', () => {
    const delta = { type: 'response.output_text.delta', index: 0, delta: 'pong' };
    const encoded = encodePartial(PROFILE_SCHEMA, delta);
    expect(Buffer.from(encoded.body as string).toString('hex')).toBe(SUITE_DELTA);
    expect(counts(encoded)).toEqual({ payloadKindBitmap: 0x10, payloadFrameCount: 0 });
    expect(decodePartial(PROFILE_SCHEMA, bytes(encoded.body as string), counts(encoded))).toEqual({ value: delta });
  });

  it('writes the answer as one structured event, a snapshot of no profile and no schema', () => {
    const encoded = encodeAnswer(PROFILE_SCHEMA, 'r', { metadata: NO_METADATA, body: { choices: [] } });
    const [payload] = preview3.decodePayloads(bodyBytes(encoded.body), counts(encoded));
    expect(payload?.json()).toEqual({ type: 'response.completed', request_id: 'r', body: { choices: [] } });
    expect(payload?.descriptor).toMatchObject({
      profileId: 0,
      descriptorFlags: 0,
      schemaId: 0,
      schemaVersion: 0,
      streamSemantics: 1,
    });
  });
});

describe('an envelope', () => {
  it('goes through with metadata, a number in place of a name, and bytes as a second payload', () => {
    const metadata = Object.assign(Object.create(null), { traceparent: '00-a-b-01' });
    const request = { schema: CALL_SCHEMA, route: 7, requestId: 'r', metadata, body: Uint8Array.of(1, 2) } as const;
    const encoded = encodeRequest(request);
    expect(counts(encoded)).toEqual({ payloadKindBitmap: 0x50, payloadFrameCount: 2 });
    const read = decodeRequest(bodyBytes(encoded.body), counts(encoded), 7);
    expect(read).toEqual(request);
  });

  it.each<[string, Uint8Array, preview3.FrameSubmit]>([
    ['text', bytes('hello'), EVENT],
    ['raw JSON', bytes('{"schema_version":"nnrp-call/1"}'), EVENT],
    ['another kind', ...typed({ schema_version: CALL_SCHEMA }, preview3.tokenPayload('x'))],
    ['another schema', ...typed({ schema_version: 'other/1' })],
    ['a schema that is inherited', ...typed({ __proto__: { schema_version: CALL_SCHEMA } })],
    ['a list', ...typed([])],
    ['no JSON', ...typed('{"schema_version":')],
    [
      'JSON that nests too deeply',
      ...typed(`{"schema_version":"nnrp-call/1","operation":"a","body":${'['.repeat(129)}${']'.repeat(129)}}`),
    ],
    ['JSON of a million brackets', ...typed('['.repeat(1_000_000))],
  ])('is not read from %s', (_what, body, context) => {
    expect(decodeRequest(body, context, 0)).toBeUndefined();
  });

  it.each<[string, object, number, RegExp]>([
    ['no operation and no number', {}, 0, /operation takes/],
    ['an operation that is no text', { operation: 5 }, 0, /operation takes/],
    ['an operation that a terminal obeys', { operation: '\u001b[31m' }, 0, /operation takes/],
    ['an id that is no text', { operation: 'a', request_id: 5 }, 0, /request_id takes/],
    ['an id that is too long', { operation: 'a', request_id: 'x'.repeat(257) }, 0, /request_id takes/],
    ['metadata that is a list', { operation: 'a', metadata: [] }, 0, /metadata takes/],
    [
      'metadata with a prototype',
      { operation: 'a', metadata: JSON.parse('{"__proto__":"x"}') },
      0,
      /metadata takes names/,
    ],
    ['metadata of numbers', { operation: 'a', metadata: { a: 1 } }, 0, /metadata takes texts/],
  ])('says what is wrong: %s', (_what, members, routeId, message) => {
    const [body, context] = typed({ schema_version: CALL_SCHEMA, ...members });
    expect(decodeRequest(body, context, routeId)).toMatch(message);
  });

  it('has members of its own only, and leaves nothing on prototypes', () => {
    const [body, context] = typed(
      '{"schema_version":"nnrp-call/1","operation":"a","body":{"__proto__":{"polluted":1}}}',
    );
    const read = decodeRequest(body, context, 0);
    expect(read).toMatchObject({ route: 'a' });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('is no answer without the type of its schema', () => {
    for (const type of ['response.completed', 'call.partial', 5, undefined]) {
      const [body, context] = typed({ type, body: 1 });
      expect(decodeAnswer(CALL_SCHEMA, body, context)).toBeUndefined();
    }
    const [body, context] = typed({ type: 'call.completed', metadata: { a: 1 } });
    expect(decodeAnswer(CALL_SCHEMA, body, context)).toBeUndefined();
    expect(decodePartial(CALL_SCHEMA, bytes('{"type":"other"}'), EVENT)).toBeUndefined();
    expect(decodePartial(PROFILE_SCHEMA, bytes('{"no":"type"}'), EVENT)).toBeUndefined();
    expect(decodePartial(PROFILE_SCHEMA, bytes('text'), EVENT)).toBeUndefined();
  });
});
