import type { NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { Dice } from '../../../nnrp-runtime/test/recovery/dice.js';
import type { QuicEndpointOptions } from '../../src/endpoint-options.js';
import { QuicStage } from '../support/quic-stage.js';

const BIG_BYTES = 2_000_000;
const SMALL_BYTES = 100_000;
const TRANSFERS = 10;
const TOKENS = 1000;
const STREAMS = 4;
/**
 * A handshake that loses four flights in a row takes 15 s, and what it took is what the library expects of the network
 * for a while, so that one more loss costs as much again. Nothing but a hang takes as long as this.
 */
const TIMEOUT_MS = 90_000;
const PATIENT = { handshakeTimeoutMs: TIMEOUT_MS };
const PATIENT_CLIENT = { openTimeoutMs: TIMEOUT_MS, closeTimeoutMs: TIMEOUT_MS };

/**
 * Bodies and streams of tokens through a network that loses, doubles and reorders datagrams: 1, 3 and 5 % each.
 *
 * @param datagramBytes - how large the datagrams of both ends are
 * @param connections - at once; each makes ten transfers at each percentage
 * @param options - of both ends
 */
export function lossyTransfers(datagramBytes: number, connections: number, options: QuicEndpointOptions = {}): void {
  const patient = { ...options, handshakeTimeoutMs: TIMEOUT_MS };
  const stage = new QuicStage();
  afterEach(() => stage.clear());
  const body = new Dice(1).bytes(BIG_BYTES);

  /** The address of a bad network before the server. */
  const behind = async (server: NnrpServer, percent: number) => {
    const weather = { lossPercent: percent, duplicatePercent: percent, reorderPercent: percent, seed: percent };
    return stage.proxy(server, weather);
  };

  for (const percent of [1, 3, 5]) {
    describe(`of datagrams of ${datagramBytes} bytes, ${percent} % lost, ${percent} % doubled, ${percent} % late`, () => {
      it('bodies of 2 MB and of 100 KB arrive intact both ways', { timeout: TIMEOUT_MS }, async () => {
        const proxy = await behind(await stage.echo(patient, PATIENT), percent);
        const transfer = async (connection: number) => {
          const client = await stage.connect(proxy.address, patient, PATIENT_CLIENT);
          const session = await client.openSession();
          for (let count = 0; count < TRANSFERS; count++) {
            const bytes = count === 0 || count === 5 ? BIG_BYTES : SMALL_BYTES;
            const sent = body.subarray(connection, connection + bytes - connections);
            const { body: got } = await (await session.submit(sent)).result();
            expect(Buffer.compare(got, sent), `transfer ${count} of connection ${connection}`).toBe(0);
          }
          await client.close();
        };
        await Promise.all(Array.from({ length: connections }, (_, connection) => transfer(connection)));
        expect(proxy.counts.lost).toBeGreaterThan(0);
        expect(proxy.counts.duplicated).toBeGreaterThan(0);
        expect(proxy.counts.reordered).toBeGreaterThan(0);
        expect(proxy.counts.largest).toBeLessThanOrEqual(datagramBytes);
        expect(proxy.counts.largest).toBeGreaterThan(datagramBytes - 10);
      });

      it(`streams of ${TOKENS} tokens arrive complete and in order`, { timeout: TIMEOUT_MS }, async () => {
        const server = await stage.serve(patient, PATIENT);
        const proxy = await behind(server, percent);
        void server.serve({
          async *submit({ frameId }) {
            for (let token = 0; token < TOKENS; token++) {
              yield `${frameId}:${token}`;
              // A model makes tokens one by one; without this they would all leave in a few datagrams.
              if (token % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
            }
            return 'the end';
          },
        });
        const stream = async () => {
          const client = await stage.connect(proxy.address, patient, PATIENT_CLIENT);
          const session = await client.openSession();
          const operation = await session.submit('go on');
          const got: string[] = [];
          for await (const result of operation) got.push(Buffer.from(result.body).toString());
          const tokens = Array.from({ length: TOKENS }, (_, token) => `${operation.frameId}:${token}`);
          expect(got).toEqual([...tokens, 'the end']);
        };
        await Promise.all(Array.from({ length: STREAMS }, stream));
        expect(proxy.counts.lost).toBeGreaterThan(0);
      });
    });
  }
}
