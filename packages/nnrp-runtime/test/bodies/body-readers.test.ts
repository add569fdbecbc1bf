import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import type { NnrpResult } from '../../src/client/results/nnrp-result.js';
import type { BodyInput } from '../../src/connection/body/body-bytes.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

type Reader = Pick<NnrpResult | OperationContext, 'text' | 'json' | 'bytes' | 'body' | 'frameId'>;

/** What was sent, as the other end has it. */
const ENDS: Readonly<Record<string, (body: BodyInput) => Promise<Reader>>> = {
  'a result of the client': async (body) => {
    const { session, clientSession } = await stage.session();
    const asked = clientSession.request('work');
    await (await session.receiveSubmit()).complete({ body });
    return asked;
  },
  'an operation of the server': async (body) => {
    const { session, clientSession } = await stage.session();
    clientSession.submitNow(body);
    return session.receiveSubmit();
  },
};

describe.each(Object.entries(ENDS))('the body of %s', (_, receive) => {
  it('is text', async () => {
    expect((await receive('naïve €')).text()).toBe('naïve €');
    expect((await receive(Uint8Array.of(0x61, 0xff))).text()).toBe('a\ufffd');
    expect((await receive('')).text()).toBe('');
  });

  it('is JSON, when it is', async () => {
    expect((await receive('{"a":[1,null]}')).json()).toEqual({ a: [1, null] });
  });

  it.each([
    ['no JSON: secret', 'frame 1: json() takes a body of JSON, but its 15 bytes are no JSON'],
    ['', 'frame 1: json() takes a body of JSON, but it is empty'],
  ])('is not when it is %j, and the error says so without a piece of it', async (body, text) => {
    const received = await receive(body);
    const failure = (() => {
      try {
        received.json();
      } catch (error) {
        return error as Error;
      }
      return undefined;
    })();
    expect(failure).toMatchObject({ code: 'NNRP_ERR_USAGE', rawMessage: text });
    expect([failure?.cause, failure?.message]).toEqual([undefined, expect.not.stringContaining('secret')]);
  });

  it.each([
    ['more objects than a million', `[${'{},'.repeat(1_000_000)}0]`],
    ['more levels than 128', `${'['.repeat(129)}0${']'.repeat(129)}`],
  ])('is no JSON to json() when it has %s', async (_what, body) => {
    const received = await receive(body);
    expect(() => received.json()).toThrow(
      'frame 1: json() takes a body of JSON of at most 1000000 objects, lists and members, nested at most 128 deep: JSON.parse(text()) has no limit',
    );
    expect(JSON.parse(received.text())).toBeInstanceOf(Array);
  });

  it('is copied by bytes(): aligned, and one’s own to change and to transfer', async () => {
    const received = await receive(new Uint8Array(new Float32Array([1.5, -2]).buffer));
    const bytes = received.bytes();
    expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, 8]);
    expect([...new Float32Array(bytes.buffer)]).toEqual([1.5, -2]);
    bytes.fill(0);
    expect([...new Float32Array(received.bytes().buffer)]).toEqual([1.5, -2]);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(received.body).toHaveLength(8);
  });
});

it('bytes() is aligned wherever the body lies among others in what the network has delivered', async () => {
  const { session, clientSession } = await stage.session(
    { grantedOperationCredit: 8, maxInFlightOperations: 8 },
    {
      maxInFlightOperations: 8,
    },
  );
  const floats = new Float32Array([1, 2, 3]);
  for (let at = 1; at <= 6; at++) {
    clientSession.submitNow('x'.repeat(at));
    const work = await session.receiveSubmit();
    void work.complete([new Uint8Array(at), floats]);
  }
  clientSession.submitNow(floats);
  expect([...new Float32Array((await session.receiveSubmit()).bytes().buffer)]).toEqual([1, 2, 3]);
});

const COUNTS = { payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk, payloadFrameCount: 1 };
const DESCRIPTOR = {
  profileId: preview3.ProfileId.Token,
  descriptorFlags: preview3.DescriptorFlags.Terminal,
  schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
  schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
  streamSemantics: preview3.StreamSemantics.Append,
};

describe('the typed payload frames', () => {
  it('of a result are those that the server has sent, as on the server', async () => {
    const { session, clientSession } = await stage.session();
    const typedPayloads = [{ descriptor: DESCRIPTOR, payload: Uint8Array.of(1, 2, 3, 4) }];
    const body = preview3.encodeBody({ typedPayloads }, COUNTS);
    const asked = clientSession.request(body, { metadata: COUNTS });
    const work = await session.receiveSubmit();
    await work.complete({ body, metadata: COUNTS });
    const result = await asked;
    expect(result.payloadFrames.map(({ payload }) => [...payload])).toEqual([[1, 2, 3, 4]]);
    expect(result.payloadFrames).toEqual(work.payloadFrames);
    expectTypeOf(result.payloadFrames).toEqualTypeOf(work.payloadFrames);
  });

  it('of a body that is not what its metadata says are refused, and the body can be read all the same', async () => {
    const { session, clientSession } = await stage.session();
    const asked = clientSession.request('work');
    const work = await session.receiveSubmit();
    await work.complete('plain text');
    const result = await asked;
    expect(() => result.payloadFrames).toThrow(/BODY/);
    expect(() => work.payloadFrames).toThrow(/BODY/);
    expect(result.text()).toBe('plain text');
  });
});

describe('a result', () => {
  it.each([
    [preview3.StatusCode.Success, true],
    [preview3.StatusCode.Degraded, true],
    [preview3.StatusCode.Ok, true],
    [preview3.StatusCode.Rejected, false],
    [preview3.StatusCode.Failed, false],
    [404, false],
  ])('with the status %i says whether the work succeeded: %s', async (statusCode, isSuccess) => {
    const { server, client } = await stage.pair();
    void server.serve({ submit: () => ({ body: 'x', metadata: { statusCode } }) });
    const session = await client.openSession({ defaultDeadlineMs: 0 });
    expect(await session.request('x')).toMatchObject({ isSuccess });
  });
});
