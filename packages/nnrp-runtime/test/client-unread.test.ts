import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClientEvents } from '../src/client/client-events.js';
import { eventually } from './eventually.js';
import { ScriptedServer } from './scripted-server.js';
import { Stage } from './stage.js';

const { UpdateReason } = preview3;
const KIB = 1024;
const stage = new Stage();
afterEach(async () => {
  await ScriptedServer.clear();
  await stage.clear();
});

describe('an operation whose results nobody reads', () => {
  it('is held back by the server, and goes on once it is read; other sessions never notice', async () => {
    const { server, client } = await stage.pair({}, { maxBufferedResultBytes: 256 * KIB });
    const told: unknown[] = [];
    client.on('readingPaused', (event) => told.push(event));
    const updates: preview3.FlowUpdate[] = [];
    void server.serve({
      async *submit({ body, signal }) {
        if (body.length === 1) return 'ok';
        for (let part = 0; part < 3000 && !signal.aborted; part++) yield new Uint8Array(10 * KIB);
        return 'end';
      },
      event: (event) => {
        if (event.type === 'flowUpdate') updates.push(event.update);
      },
    });
    const [one, two] = [await client.openSession(), await client.openSession()];
    const unread = await one.submit('stream');
    await eventually(() => updates.length === 1, 'the operation is paused');
    expect(updates[0]).toMatchObject({ updateReason: UpdateReason.Pause, operationId: 1n });
    for (let count = 0; count < 20; count++) await (await two.submit('x')).result();
    expect(told).toEqual([]);
    let parts = 0;
    for await (const { partial } of unread) if (partial) parts++;
    expect(parts).toBe(3000);
    expect(updates.some(({ updateReason }) => updateReason === UpdateReason.Resume)).toBe(true);
  });

  it('does not stop those before it: many are read one after the other', async () => {
    const { server, client } = await stage.pair(
      { maxInFlightOperations: 16, grantedOperationCredit: 16 },
      { maxBufferedResultBytes: 1024 * KIB },
    );
    void server.serve({
      async *submit() {
        // Held by the client they take several times the limit, and more than four of them together reach it early.
        for (let part = 0; part < 4000; part++) yield 'token';
        return 'end';
      },
    });
    const session = await client.openSession({ defaultDeadlineMs: 0, maxInFlightOperations: 16 });
    const operations = await Promise.all(Array.from({ length: 12 }, () => session.submit('stream')));
    for (const operation of operations) {
      let parts = 0;
      for await (const { partial } of operation) if (partial) parts++;
      expect(parts).toBe(4000);
    }
  });

  it('is not paused when the application has said something about its flow', async () => {
    const { server, client } = await stage.pair({}, { maxBufferedResultBytes: 256 * KIB });
    const updates: preview3.FlowUpdate[] = [];
    void server.serve({
      async *submit({ signal }) {
        for (let part = 0; part < 50 && !signal.aborted; part++) yield new Uint8Array(10 * KIB);
      },
      event: (event) => {
        if (event.type === 'flowUpdate') updates.push(event.update);
      },
    });
    const session = await client.openSession();
    const operation = await session.submit('stream');
    session.sendFlowUpdate({ operation, credit: 1 });
    const told = new Promise<NnrpClientEvents['readingPaused'][0]>((resolve) => client.once('readingPaused', resolve));
    expect((await told).most).toMatchObject({ sessionId: session.sessionId, frameId: operation.frameId });
    operation.cancel();
    await client.ping();
    expect(updates.map(({ operationCredit }) => operationCredit)).toEqual([1]);
  });

  it('stops all reading at a server that cannot be asked, and the event says which it is, once a second', async () => {
    const server = await ScriptedServer.start({ maxBufferedResultBytes: 800 });
    const told: NnrpClientEvents['readingPaused'][0][] = [];
    server.client.on('readingPaused', (event) => told.push(event));
    const [one, two] = [await server.open(1), await server.open(2)];
    const [small, large] = [one.submitNow('1'), two.submitNow('2')];
    server.partial(1, 1, 'x');
    server.partial(2, 1, 'x'.repeat(200));
    await eventually(() => told.length === 1, 'reading has stopped');
    expect(told[0]?.most).toMatchObject({ sessionId: 2, frameId: 1 });
    expect(told[0]?.unreadBytes).toBeGreaterThan(told[0]?.most.unreadBytes ?? 0);
    const again = two.submitNow('3');
    large.cancel();
    server.partial(2, 2, 'x'.repeat(200));
    small.cancel();
    again.cancel();
    await server.client.ping(1).catch(() => {});
    expect(told).toHaveLength(1);
  });
});
