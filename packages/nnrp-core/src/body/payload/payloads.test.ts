import { describe, expect, expectTypeOf, it } from 'vitest';
import { faultOf } from '../../../test/fault-of.js';
import { UsageError } from '../../errors.js';
import { ProfileId, StreamSemantics } from '../../generated/preview3/enums.js';
import { DescriptorFlags, PayloadKindFlags } from '../../generated/preview3/flags.js';
import { checkBody, decodeBody, encodeBody } from '../region/body-regions.js';
import type { TypedPayloadCounts } from '../region/typed-payload.js';
import {
  audioPayload,
  encodePayloads,
  eventPayload,
  opaquePayload,
  type PayloadInput,
  type PayloadKind,
  tokenPayload,
  toolPayload,
  videoPayload,
} from './payload-body.js';
import { type BodyChunks, joinBody } from './payload-data.js';
import type { PayloadOptions } from './payload-options.js';
import { decodePayloads, type Payload } from './payload-reader.js';
import { decodeTokenDeltaBody, encodeTokenDeltaBody } from './token-delta.js';

function throughWire(payloads: readonly PayloadInput[]): Payload[] {
  const { body, metadata } = encodePayloads(payloads);
  return decodePayloads(joinBody(body), metadata);
}

describe('payloads', () => {
  it('come back with their kinds, texts and values', () => {
    const read = throughWire([
      tokenPayload('Let me look. '),
      toolPayload({ name: 'search', arguments: { query: 'nnrp' } }),
      eventPayload(['started', 7]),
      opaquePayload(Uint8Array.of(1, 2)),
      tokenPayload('Done.', { terminal: true }),
    ]);
    expect(read.map(({ kind }) => kind)).toEqual<PayloadKind[]>([
      'token_chunk',
      'tool_delta',
      'structured_event',
      'opaque_bytes',
      'token_chunk',
    ]);
    const [first, tool, event, opaque, last] = read;
    expect([first?.text(), first?.isPartial, first?.isTerminal]).toEqual(['Let me look. ', true, false]);
    expect(tool?.json()).toEqual({ name: 'search', arguments: { query: 'nnrp' } });
    expect(event?.json()).toEqual(['started', 7]);
    expect([...(opaque?.bytes ?? [])]).toEqual([1, 2]);
    expect([last?.text(), last?.isPartial, last?.isTerminal]).toEqual(['Done.', false, true]);
  });

  it('are the bodies that the codecs of regions write', () => {
    const payloads = [tokenPayload('Hel'), tokenPayload('lo', { terminal: true })];
    const { body, metadata } = encodePayloads(payloads);
    expect(metadata).toEqual({ payloadKindBitmap: PayloadKindFlags.TokenChunk, payloadFrameCount: 2 });
    expect(joinBody(body)).toEqual(encodeBody({ typedPayloads: payloads }, metadata));
    const single = encodePayloads([tokenPayload('Hel')]).body;
    expect(joinBody(single)).toEqual(encodeTokenDeltaBody(new TextEncoder().encode('Hel'), false));
    expect(decodeTokenDeltaBody(joinBody(encodePayloads([tokenPayload('!', { terminal: true })]).body)).terminal).toBe(
      true,
    );
  });

  it.each([
    [audioPayload(Uint8Array.of(1)), 'audio_chunk', 0],
    [videoPayload(Uint8Array.of(1)), 'video_chunk', 0],
    [opaquePayload('x'), 'opaque_bytes', 0],
    [eventPayload('x'), 'structured_event', StreamSemantics.Event],
    [toolPayload('x'), 'tool_delta', StreamSemantics.ToolUpdate],
  ] as const)('without a schema have profile, schema and version 0: %#', (payload, kind, streamSemantics) => {
    const [read] = throughWire([payload]);
    expect(read?.kind).toBe(kind);
    expect(read?.descriptor).toMatchObject({ profileId: 0, schemaId: 0, schemaVersion: 0, streamSemantics });
    expect([read?.isPartial, read?.isTerminal]).toEqual([false, false]);
  });

  it('with a schema of their own say so', () => {
    const schema = { schemaId: 0x9001, schemaVersion: 2 };
    const options: PayloadOptions = { schema, partial: true, streamSemantics: StreamSemantics.Snapshot };
    const [read] = throughWire([toolPayload('{}', options)]);
    const flags = { descriptorFlags: DescriptorFlags.Partial, streamSemantics: StreamSemantics.Snapshot };
    expect(read?.descriptor).toMatchObject({ ...schema, ...flags, profileId: ProfileId.Token });
  });

  it('leave their kind open where the wire does', () => {
    const kinds = throughWire([audioPayload(Uint8Array.of(1)), opaquePayload('x')]).map(({ kind }) => kind);
    expect(kinds).toEqual([undefined, undefined]);
    const beside = throughWire([audioPayload(Uint8Array.of(1)), tokenPayload('x')]).map(({ kind }) => kind);
    expect(beside).toEqual(['audio_chunk', 'token_chunk']);
  });

  it('may be none at all, and 65535 empty ones', () => {
    expect(throughWire([])).toEqual([]);
    const payload = opaquePayload('');
    expect(throughWire(Array.from({ length: 0xffff }, () => payload))).toHaveLength(0xffff);
    expect(() => encodePayloads(Array.from({ length: 0x10000 }, () => payload))).toThrow(
      'expected at most 65535, got 65536',
    );
  });

  it('have types for a handler and for a submit', () => {
    const encoded = encodePayloads([]);
    expectTypeOf(encoded.body).toEqualTypeOf<BodyChunks>();
    expectTypeOf(encoded.metadata).toEqualTypeOf<TypedPayloadCounts>();
    expectTypeOf<'tensor'>().not.toExtend<PayloadKind>();
  });
});

describe('memory', () => {
  it('of long payloads is handed on, and short ones are copied together', () => {
    const long = new Uint8Array(5000).fill(7);
    const { body, metadata } = encodePayloads([
      tokenPayload('a'),
      opaquePayload(long),
      eventPayload('b'),
      eventPayload('c'),
    ]);
    expect(body.map(({ length }) => length)).toEqual([32 + 4 * 24 + 1, 5000, 2]);
    expect(body[1]?.buffer).toBe(long.buffer);
    expect(checkBody(joinBody(body), metadata)).toBeUndefined();
  });

  it('of short payloads may change at once, also of one behind a long one', () => {
    const short = Uint8Array.of(1, 2, 3);
    const { body } = encodePayloads([opaquePayload(new Uint8Array(5000)), opaquePayload(short)]);
    short.fill(0);
    expect([...(body.at(-1) ?? [])]).toEqual([1, 2, 3]);
  });

  it('of a body that is read is shared with its payloads', () => {
    const { body, metadata } = encodePayloads([tokenPayload('abc')]);
    const whole = joinBody(body);
    const [payload] = decodePayloads(whole, metadata);
    expect(payload?.bytes.buffer).toBe(whole.buffer);
  });

  it('of one chunk is not copied by joining it', () => {
    const only = new Uint8Array(3);
    expect(joinBody([only])).toBe(only);
    expect(joinBody([])).toEqual(new Uint8Array(0));
  });
});

describe('what is no payload is refused', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;

  it.each([
    ['a number as a token', () => tokenPayload(7 as never), 'token: expected bytes or text, got 7'],
    [
      'an object as a token',
      () => tokenPayload({ a: 1 } as never),
      'token: expected bytes or text, got an object with a',
    ],
    ['nothing as a tool', () => toolPayload(undefined), 'tool: expected bytes, text or a value with a JSON form'],
    ['a function as an event', () => eventPayload(() => {}), 'got a function'],
    ['a circle as an event', () => eventPayload(circle), 'cannot be written as JSON'],
    ['a bigint as an event', () => eventPayload({ id: 1n }), 'cannot be written as JSON'],
    ['a wrong option', () => tokenPayload('x', { last: true } as never), "token_chunk: there is no option 'last'"],
    ['a wrong flag', () => tokenPayload('x', { terminal: 1 as never }), 'terminal takes true or false, got 1'],
    ['both flags', () => toolPayload('x', { terminal: true, partial: true }), 'partial or terminal, not both'],
    ['text as options', () => tokenPayload('x', 'terminal' as never), 'expected options, got a string of 8 characters'],
    ['a schema without version', () => toolPayload('x', { schema: { schemaId: 1 } as never }), 'schema takes'],
    ['a schema of the id 0', () => toolPayload('x', { schema: { schemaId: 0, schemaVersion: 0 } }), 'schema takes'],
    ['null as a schema', () => toolPayload('x', { schema: null as never }), 'schema takes'],
    ['wrong semantics', () => toolPayload('x', { streamSemantics: 'event' as never }), 'a value of StreamSemantics'],
    ['text as payloads', () => encodePayloads('x' as never), 'expected a list of payloads, got a string'],
    [
      'bytes in a list',
      () => encodePayloads([new Uint8Array(1) as never]),
      'what tokenPayload() and its like return, got 1 bytes at 0',
    ],
    ['a tensor as a kind', () => encodePayloads([{ kind: 'tensor', payload: new Uint8Array(1) } as never]), 'at 0'],
    [
      'text as a body',
      () => decodePayloads('x' as never, { payloadKindBitmap: 0, payloadFrameCount: 0 }),
      'body: expected bytes',
    ],
  ])('%s', (_, call, text) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(text);
  });

  it('a payload that is no JSON, without showing it', () => {
    const [payload] = throughWire([opaquePayload('a secret')]);
    expect(() => payload?.json()).toThrow(
      /^\[NNRP_ERR_USAGE\] json\(\) takes a payload of JSON, but its 8 bytes are no JSON$/,
    );
  });

  it('a payload of more JSON than is read from others', () => {
    const [payload] = throughWire([opaquePayload(`[${'"a",'.repeat(1_000_000)}${'[],'.repeat(1_000_000)}0]`)]);
    expect(() => payload?.json()).toThrow(/a payload of JSON of at most 1000000 objects, lists and members/);
    const [nested] = throughWire([opaquePayload(`${'['.repeat(129)}${']'.repeat(129)}`)]);
    expect(() => nested?.json()).toThrow(/nested at most 128 deep/);
    const [most] = throughWire([opaquePayload(`[${'"[",'.repeat(1_000_000)}${'{},'.repeat(999_998)}[]]`)]);
    expect(most?.json()).toHaveLength(1_999_999);
  });

  it('a body that breaks the rules of its regions', () => {
    const { body, metadata } = encodePayloads([tokenPayload('abc')]);
    const whole = joinBody(body);
    expect(faultOf(() => decodePayloads(whole.subarray(1), metadata))).toBeDefined();
    expect(faultOf(() => decodePayloads(whole, { ...metadata, payloadFrameCount: 2 }))).toEqual({
      kind: 'invalid_combination',
      rule: 'TPR-1',
    });
    expect(decodeBody(whole, metadata).typedPayloads).toHaveLength(1);
  });
});
