import { NnrpClient } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { all, eventually, GatewayStage, official } from './gateway-stage.js';
import { type Answer, beginEvents, writePieces } from './stand-in/model-server.js';
import { chunk, data } from './stand-in/recordings.js';

const stage = new GatewayStage();
afterEach(() => stage.clear());

const STREAMS = 200;
const MIB = 1024 * 1024;
/** Many times what sockets of the kernel hold on the way: 9 MiB, and up to 13 on a busy machine. */
const ANSWER_BYTES = 40 * MIB;
/** Six bytes in JSON, so that there are no more characters than an answer may have. */
const CHARACTER = '\u0001';

it(`${STREAMS} streams at once each get their own text, whole`, async () => {
  const answer: Answer = async (response, asked) => {
    const [{ content }] = asked.body['messages'] as [{ content: string }];
    beginEvents(response);
    for (let at = 0; at < 50; at++) {
      await writePieces(response, [data(chunk({ content: `${content}.${at} ` }))]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end(`${data(chunk({}, 'stop'))}data: [DONE]\n\n`);
  };
  const { through, model } = await stage.gateway(
    answer,
    {},
    { maxConnections: STREAMS },
    { maxInFlightOperations: 64 },
  );
  const texts = await Promise.all(
    Array.from({ length: STREAMS }, async (_, number) => {
      const request = {
        model: 'm',
        messages: [{ role: 'user' as const, content: `n${number}` }],
        stream: true as const,
      };
      const chunks = await all(await through.chat.completions.create(request));
      return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    }),
  );
  expect(texts).toEqual(
    Array.from({ length: STREAMS }, (_, number) => Array.from({ length: 50 }, (_, at) => `n${number}.${at} `).join('')),
  );
  expect([model.asked.length, model.aborted]).toEqual([STREAMS, 0]);
});

describe('a client that reads slowly', () => {
  it('makes the model server wait, and the gateway holds a bounded part of the answer', async () => {
    const sent = { bytes: 0, waitsSinceMs: Number.POSITIVE_INFINITY };
    const piece = data(chunk({ content: CHARACTER.repeat(2700) }));
    const answer: Answer = async (response) => {
      beginEvents(response);
      while (!response.destroyed && sent.bytes < ANSWER_BYTES) {
        sent.bytes += piece.length;
        if (response.write(piece)) continue;
        sent.waitsSinceMs = performance.now();
        await new Promise<void>((resolve) => {
          const go = () => {
            response.off('drain', go).off('close', go);
            resolve();
          };
          response.on('drain', go).on('close', go);
        });
        sent.waitsSinceMs = Number.POSITIVE_INFINITY;
      }
      response.end(data(chunk({}, 'stop')));
    };
    const model = await stage.model(answer);
    const { server } = await stage.nnrp({ baseUrl: model.baseUrl });
    const connect = () => NnrpClient.connectTcp(server.localAddress, { maxBufferedResultBytes: MIB });
    const through = official((await stage.http(connect)).baseUrl);
    const request = { model: 'm', messages: [{ role: 'user' as const, content: 'x' }], stream: true as const };
    const stream = await through.chat.completions.create(request);
    // Nothing of it is read: the model server waits in the end, and goes on waiting.
    await eventually(() => performance.now() - sent.waitsSinceMs > 1000, 'the model server waits');
    const held = sent.bytes;
    expect(held).toBeLessThan(ANSWER_BYTES / 2);
    let read = 0;
    for await (const part of stream) {
      read += part.choices[0]?.delta.content?.length ?? 0;
    }
    // It goes on as the client does, and the whole of it comes.
    expect(read * 6).toBeGreaterThan(ANSWER_BYTES - MIB);
  });
});
