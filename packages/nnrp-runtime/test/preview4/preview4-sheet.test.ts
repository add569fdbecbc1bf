import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { ServerSessionEvent } from '../../src/server/contract/server-messages.js';
import { carrier } from '../support/carrier.js';
import { eventually } from '../support/eventually.js';
import { bytes, open, packet, request, sessionClose, submit, T, u8, u16, u32, u64 } from './peer.js';
import { cleaning, opened, serving } from './stage.js';

cleaning();

const declare = (session: number, object: number) =>
  bytes(u64(object), u16(7), u16(0x0201), u32(session), u64(10), u32(0), u16(0), u16(0), u32(0), u32(0), u64(0));
const reference = (object: number) => bytes(u64(object), u64(0), u64(0), u64(0), u64(0), u32(0), u32(0));
const release = (object: number, flags: number) => bytes(u64(object), u64(0), u16(0), u8(1), u8(flags), u32(0), u64(0));
const delta = (object: number, sequence: number) => bytes(u64(object), u64(sequence), u64(0), u64(0), u32(0), u32(0));

describe('a client of preview4', () => {
  it.runIf(carrier.hasHalves)('that has said all it has to say is answered what it has asked for (P-34)', async () => {
    let operation: OperationContext | undefined;
    const server = await serving({
      submit: (given) => {
        operation = given;
        return given.finished;
      },
    });
    const { peer, session } = await opened(server);
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 })));
    peer.stream.end();
    await eventually(() => operation !== undefined, 'the submit has come');
    await turn();
    await operation?.push('part');
    await operation?.complete('done');
    expect((await peer.get(T.partial)).text).toBe('part');
    expect((await peer.get(T.result)).text).toBe('done');
    await eventually(() => server.sessionCount === 0, 'the session ends with its connection');
  });

  it.each([
    ['gives no time', 0],
    ['wants to abort', 1],
  ])('hears nothing behind its SESSION_CLOSE but the confirmation, when that %s (P-16)', async (_name, policy) => {
    const operations: OperationContext[] = [];
    const server = await serving({
      submit: (operation) => {
        operations.push(operation);
        return operation.finished;
      },
    });
    const { peer, session } = await opened(server, { inFlight: 3 });
    for (const frame of [1, 2, 3]) peer.send(packet(T.submit, { session, frame }, submit({ operation: frame })));
    await peer.settled();
    await eventually(() => operations.length === 3, 'all run');
    peer.send(
      packet(T.sessionClose, { session }, sessionClose(3, policy)),
      packet(T.cancel, { session, frame: 1 }, request(1)),
      packet(T.submit, { session, frame: 4 }, submit({ operation: 4 })),
    );
    await eventually(() => peer.seen.some(({ type }) => type === T.sessionCloseAck), 'the close is confirmed');
    for (const operation of operations) {
      await operation.push('late').catch(() => {});
      await operation.complete('late').catch(() => {});
    }
    await peer.settled();
    const of = peer.seen.filter((came) => came.session === session).map(({ type }) => type);
    // Release 4.22 fails a close on anything else.
    expect(of).toEqual([T.openAck, T.sessionCloseAck]);
    expect(operations.map(({ abortReason }) => abortReason)).toMatchObject(Array(3).fill({ code: 'NNRP_ERR_CLOSED' }));
    expect(server.counters().drops).toEqual({ session_closed: 4 });
  });

  it('gets what is answered in the time that it gives, and no drop for the rest', async () => {
    const operations: OperationContext[] = [];
    const server = await serving({
      submit: (operation) => {
        operations.push(operation);
        return operation.finished;
      },
    });
    const { peer, session } = await opened(server);
    for (const frame of [1, 2]) peer.send(packet(T.submit, { session, frame }, submit({ operation: frame })));
    await eventually(() => operations.length === 2, 'both run');
    peer.send(packet(T.sessionClose, { session }, sessionClose(2, 0, 50)));
    await peer.settled();
    await operations[1]?.complete('in time');
    expect((await peer.get(T.result)).text).toBe('in time');
    await peer.get(T.sessionCloseAck);
    await peer.settled();
  });

  it('is given no id twice on a connection where it leaves that to the server: its library would refuse it (P-30)', async () => {
    const server = await serving({ submit: (operation) => operation.text() });
    const { peer, session: first } = await opened(server);
    const other = await opened(server);
    const ids = [first];
    for (let round = 0; round < 5; round++) {
      peer.send(packet(T.sessionClose, { session: ids.at(-1) as number }, sessionClose(0)));
      await peer.get(T.sessionCloseAck);
      peer.send(packet(T.open, {}, open()));
      ids.push((await peer.get(T.openAck)).session);
    }
    expect(ids).toEqual([1, 3, 4, 5, 6, 7]);
    // Another connection gets what is free, and one that names an id that id.
    other.peer.send(packet(T.open, {}, open()));
    expect((await other.peer.get(T.openAck)).session).toBe(1);
    peer.send(packet(T.open, {}, open({ id: 3 })));
    expect((await peer.get(T.openAck)).session).toBe(3);
  });

  it('may open an id again that it has closed on the same connection (P-30)', async () => {
    const server = await serving({ submit: (operation) => operation.text() });
    const { peer } = await opened(server);
    for (let round = 0; round < 3; round++) {
      peer.send(packet(T.open, {}, open({ id: 42 })));
      expect((await peer.get(T.openAck)).session).toBe(42);
      peer.send(packet(T.submit, { session: 42, frame: 1 }, submit({ operation: 1 }), `${round}`));
      expect((await peer.get(T.result)).text).toBe(`${round}`);
      peer.send(packet(T.sessionClose, { session: 42 }, sessionClose(1)));
      await peer.get(T.sessionCloseAck);
    }
    expect(server.sessionCount).toBe(1);
  });
});

describe('objects of a client of preview4', () => {
  async function telling() {
    const told: [type: string, issue: string | undefined][] = [];
    const event = (one: ServerSessionEvent) => void told.push([one.type, (one as { issue?: string }).issue]);
    const server = await serving({ submit: (operation) => operation.text(), event });
    return { ...(await opened(server)), told };
  }

  it('that are unknown, of another session or told twice are the application’s affair, and cost nothing', async () => {
    const { peer, session, told } = await telling();
    peer.send(
      packet(T.release, { session }, release(5, 1)),
      packet(T.ref, { session }, reference(5)),
      packet(T.declare, { session }, declare(session + 1, 5)),
      packet(T.declare, { session }, declare(session, 5)),
      packet(T.declare, { session }, declare(session, 5)),
      packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'still here'),
    );
    expect((await peer.next(T.result))?.text).toBe('still here');
    expect(told).toEqual([
      ['objectRelease', 'unknown_object'],
      ['objectRef', 'unknown_object'],
      ['objectDeclare', 'of_another_session'],
      ['objectDeclare', undefined],
      ['objectDeclare', 'declared_before'],
    ]);
    expect(peer.seen.some(({ type }) => type === T.recoverable)).toBe(false);
  });

  it('have deltas that rise by one: a gap is told to the client by ERROR_RECOVERABLE, and the session goes on', async () => {
    const { peer, session, told } = await telling();
    peer.send(
      packet(T.declare, { session }, declare(session, 5)),
      packet(T.objectDelta, { session }, delta(5, 7)),
      packet(T.objectPatch, { session }, delta(5, 8)),
      packet(T.objectDelta, { session }, delta(5, 10)),
      packet(T.objectDelta, { session }, delta(5, 11)),
    );
    const error = await peer.get(T.recoverable);
    expect([error.session, error.frame, error.text]).toEqual([session, 0, 'object: delta_gap']);
    await peer.settled();
    expect(told.map(([, issue]) => issue)).toEqual([undefined, undefined, undefined, 'delta_gap', undefined]);
  });

  it('are gone with their last release, or when as many references are taken back as there were', async () => {
    const { peer, session, told } = await telling();
    peer.send(
      packet(T.declare, { session }, declare(session, 5)),
      packet(T.ref, { session }, reference(5)),
      packet(T.ref, { session }, reference(5)),
      packet(T.release, { session }, release(5, 0)),
      packet(T.release, { session }, release(5, 0)),
      packet(T.ref, { session }, reference(5)),
    );
    await peer.settled();
    expect(told.map(([, issue]) => issue)).toEqual([...Array(5).fill(undefined), 'unknown_object']);
  });
});
