import {
  decodePayloads,
  decodeTensors,
  elementsOf,
  encodePayloads,
  encodeTensorResult,
  joinBody,
  type Payload,
  tokenPayload,
  toolPayload,
} from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** Values of which no two messages have the same. */
const valuesOf = (frameId: number) => Float32Array.from({ length: 24 }, (_, index) => frameId + index / 32);

describe('bodies of pipelined messages', () => {
  it('are read as elements, whatever lies before them', async () => {
    const { server, client } = await stage.pair({ maxInFlightOperations: 16 });
    void server.serve({
      submit({ body, frameId }) {
        // Every other submit is text of an odd length, so that the ones behind it may come anywhere in a chunk.
        if (frameId % 2 === 0) return;
        return elementsOf(body, 'fp32').map((value) => value * 2);
      },
    });
    const session = await client.openSession({ maxInFlightOperations: 16 });
    const operations = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        session.submit(index % 2 === 1 ? 'x'.repeat(index) : valuesOf(index + 1)),
      ),
    );
    const results = await Promise.all(operations.map((operation) => operation.result()));
    for (const [index, { body }] of results.entries()) {
      const expected = index % 2 === 1 ? new Float32Array() : valuesOf(index + 1).map((value) => value * 2);
      expect(elementsOf(body, 'fp32')).toEqual(expected);
    }
  });

  it('are read as tensors', async () => {
    const { server, client } = await stage.pair();
    void server.serve({
      *submit({ frameId }) {
        yield 'a piece of text';
        const { body, metadata } = encodeTensorResult({ data: valuesOf(frameId), shape: [2, 12] });
        return { body: joinBody(body), metadata };
      },
    });
    const session = await client.openSession();
    const operation = await session.submit('tensor');
    const { body, metadata } = await operation.result();
    const [tensor] = decodeTensors(body, metadata);
    expect([tensor?.dtype, tensor?.shape]).toEqual(['fp32', [2, 12]]);
    expect(tensor?.elements('fp32')).toEqual(valuesOf(operation.frameId));
  });
});

describe('typed payloads', () => {
  it('go from a handler to a client with their kinds', async () => {
    const { server, client } = await stage.pair();
    void server.serve({
      submit: () => {
        const { body, metadata } = encodePayloads([tokenPayload('Let me look. '), toolPayload({ name: 'search' })]);
        return { body: joinBody(body), metadata };
      },
    });
    const session = await client.openSession();
    const { body, metadata } = await (await session.submit('ask')).result();
    const shown = (payload: Payload) => (payload.kind === 'tool_delta' ? payload.json() : payload.text());
    expect(decodePayloads(body, metadata).map((payload) => [payload.kind, shown(payload)])).toEqual([
      ['token_chunk', 'Let me look. '],
      ['tool_delta', { name: 'search' }],
    ]);
  });
});
