import { describe, expect, it } from 'vitest';
import { hello, open, type Peer, packet, request, scheduling, sessionClose, submit, T } from './peer.js';
import { cleaning, listening, opened, peerOf, serving } from './stage.js';

cleaning();

/** What the frame is answered with in the end. */
async function answer(
  peer: Peer,
  session: number,
  frame: number,
  operation: number | bigint,
  body = '',
): Promise<string> {
  peer.send(packet(T.submit, { session, frame }, submit({ operation }), body));
  const came = await peer.next();
  expect(came?.frame).toBe(frame);
  return came?.type === T.result ? came.text : `0x${came?.type.toString(16)} ${came?.u16(16)}`;
}

describe('a client of preview4', () => {
  it('is greeted, opens a session, gets a result and closes, and both ends know the revision', async () => {
    const server = await serving({ submit: (operation) => `${operation.id}:${operation.text()}` });
    const peer = await peerOf(server);
    peer.send(packet(T.hello, {}, hello()));
    const ack = await peer.get(T.helloAck);
    expect([ack.session, ack.frame, ack.trace, ack.body.length]).toEqual([0, 0, 0n, 0]);
    // Version, wire format, authentication; profiles and payload kinds; frames at once; lifetime of tokens.
    expect([ack.u32(0), ack.u32(8), ack.u32(12), ack.u16(50), ack.u32(64)]).toEqual([1, 2, 0x73, 4, 120_000]);
    // One lane at least; as many bytes as a whole packet may have.
    const laneless = hello();
    laneless.writeUInt16LE(0, 34);
    const other = await peerOf(server);
    other.send(packet(T.hello, {}, laneless));
    const offered = await other.get(T.helloAck);
    expect([ack.u16(48), offered.u16(48), ack.u32(60)]).toEqual([1, 1, 64 * 1024 * 1024]);
    const second = await opened(server);
    expect(await answer(second.peer, second.session, 1, 2n ** 40n, 'ping')).toBe(`${2n ** 40n}:ping`);
    expect(server.sessions().map(({ revision }) => revision)).toEqual(['preview4']);
    second.peer.send(packet(T.sessionClose, { session: second.session }, sessionClose(2n ** 40n)));
    const closed = await second.peer.get(T.sessionCloseAck);
    expect([closed.session, closed.metadata.readUInt8(0), closed.u64(4)]).toEqual([second.session, 2, 2n ** 40n]);
  });

  it('gets what a handler pushes in PARTIAL_RESULT, in sequence, and what it returns in RESULT_PUSH', async () => {
    const server = await serving({
      async *submit() {
        yield 'a';
        yield '';
        yield 'bc';
        return 'end';
      },
    });
    const { peer, session } = await opened(server);
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 7 })));
    for (const [at, text] of ['a', 'bc'].entries()) {
      const part = await peer.get(T.partial);
      expect([part.frame, part.u64(0), part.u64(8), part.u64(16), part.u64(24), part.u32(32), part.u32(36)]).toEqual([
        1,
        7n,
        BigInt(at + 1),
        0n,
        BigInt(at),
        text.length,
        0,
      ]);
      expect(part.text).toBe(text);
    }
    expect((await peer.get(T.result)).text).toBe('end');
  });

  it('gets a last result that lacks tiles, which preview4 has and preview3 has not', async () => {
    const metadata = {
      resultClass: 1,
      resultFlags: 4,
      tileCount: 2,
      coveredTileCount: 1,
      droppedTileCount: 1,
    } as const;
    const server = await serving({
      submit: () => ({ metadata: { ...metadata, payloadKindBitmap: 1 }, body: 'one tile' }),
    });
    const { peer, session } = await opened(server);
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 7 })));
    const result = await peer.get(T.result);
    expect([result.text, result.u16(2), result.u16(6), result.metadata.readUInt8(44), result.u16(54)]).toEqual([
      'one tile',
      4,
      2,
      1,
      1,
    ]);
  });

  it('gets one drop for a cancel, whatever it sends of it, and the handler is told', async () => {
    let seen: unknown;
    const cancels: unknown[] = [];
    const server = await serving({
      submit: (operation) => {
        operation.signal.addEventListener('abort', () => {
          seen = operation.abortReason;
        });
        return operation.finished;
      },
      cancel: (cancel) => void cancels.push(cancel),
    });
    const { peer, session } = await opened(server);
    const cancel = packet(T.cancel, { session, frame: 1 }, request(101));
    const abort = packet(T.abort, { session, frame: 1 }, request(101, 2));
    const old = packet(T.frameCancel, { session, frame: 1 });
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 101 })), cancel, cancel, abort, old);
    const drop = await peer.get(T.dropReason);
    expect([drop.frame, drop.u64(0), drop.u64(8), drop.u16(16), drop.metadata.readUInt8(18)]).toEqual([
      1,
      101n,
      1n,
      3,
      2,
    ]);
    expect(seen).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await peer.settled();
    const why = { isAbort: false, reasonCode: 1, flags: 1, sourceRole: 1 };
    expect(cancels).toEqual([{ frameId: 1, request: why }]);
  });

  it('gets the reason back for which it aborts, where there is a code for it', async () => {
    const { peer, session } = await opened(await serving({ submit: ({ finished }) => finished }));
    const codes: number[] = [];
    for (let reason = 0; reason <= 9; reason++) {
      const frame = reason + 1;
      const abort = request(frame, 2);
      abort.writeUInt16LE(reason, 16);
      peer.send(
        packet(T.submit, { session, frame }, submit({ operation: frame })),
        packet(T.abort, { session, frame }, abort),
      );
      codes.push((await peer.get(T.dropReason)).u16(16));
    }
    // Superseded, its deadline, its budget, a dependency, closing, shutting down, injected by the suite.
    expect(codes).toEqual([3, 3, 2, 1, 6, 3, 8, 8, 9, 3]);
  });

  it('has its deadlines kept: of the submit, of DEADLINE before it and after it, and of EXPIRE_AT', async () => {
    const deadlines: number[] = [];
    const server = await serving({
      submit: (operation) => {
        deadlines.push(operation.deadlineMs);
        return operation.finished;
      },
    });
    const { peer, session } = await opened(server);
    const work = (frame: number, latencyMs: number) =>
      packet(T.submit, { session, frame }, submit({ operation: 100 + frame, latencyMs }));
    const told = (type: number, frame: number, ms: number, flags = 0) =>
      packet(type, { session, frame }, scheduling(100 + frame, ms, flags));
    peer.send(work(1, 20));
    const drop = await peer.get(T.dropReason);
    expect([drop.frame, drop.u64(0), drop.u16(16)]).toEqual([1, 101n, 1]);
    expect(drop.text).toBe('no result within 20 ms');
    // Kept for a submit that would be over at once.
    peer.send(told(T.deadline, 2, 4_000_000_000_000), work(2, 1), told(T.deadline, 2, 1));
    expect((await peer.get(T.dropReason)).frame).toBe(2);
    expect(deadlines[1]).toBeGreaterThan(1e9);
    peer.send(work(3, 60_000), told(T.expireAt, 3, Date.now() + 20, 3));
    expect((await peer.get(T.dropReason)).frame).toBe(3);
    // Without the flag it is advice.
    peer.send(work(4, 60_000), told(T.expireAt, 4, 1, 0), packet(T.cancel, { session, frame: 4 }, request(104)));
    expect((await peer.get(T.dropReason)).u16(16)).toBe(3);
  });

  it('is told nothing of deadlines that the server only reports; its application drops with a reason', async () => {
    const server = await listening({ deadlines: 'report' });
    const { peer, session } = await opened(server);
    const accepted = await server.accept();
    peer.send(
      packet(T.submit, { session, frame: 1 }, submit({ operation: 201, latencyMs: 25 })),
      packet(T.priority, { session, frame: 1 }, scheduling(201, 0, 0, 10)),
      packet(T.expireAt, { session, frame: 1 }, scheduling(201, 1, 3)),
    );
    const types: string[] = [];
    for await (const event of accepted.events()) {
      types.push(event.type);
      if (event.type !== 'expireAt') continue;
      const operation = accepted.operations.get(1);
      expect(operation?.priority).toEqual({ priorityClass: 10, priorityDelta: 0 });
      await operation?.drop({ reasonCode: 2, text: 'too old', retryable: true });
      break;
    }
    expect(types).toEqual(['submit', 'priorityUpdate', 'expireAt']);
    const drop = await peer.get(T.dropReason);
    expect([drop.u16(16), drop.metadata.readUInt8(19), drop.text]).toEqual([2, 3, 'too old']);
  });

  it('that puts another operation in the place of one gets a drop for the old one', async () => {
    const server = await serving({ submit: (operation) => operation.finished });
    const { peer, session } = await opened(server);
    const supersede = Buffer.alloc(32);
    supersede.writeBigUInt64LE(1n, 0);
    supersede.writeBigUInt64LE(2n, 8);
    peer.send(
      packet(T.submit, { session, frame: 1 }, submit({ operation: 1 })),
      packet(T.supersede, { session, frame: 1 }, supersede),
    );
    const drop = await peer.get(T.dropReason);
    expect([drop.frame, drop.u64(0), drop.u16(16)]).toEqual([1, 1n, 2]);
    expect(server.counters().drops.superseded).toBe(1);
  });

  it('reads how far the work is', async () => {
    const server = await serving({
      submit: (operation) => {
        operation.progress({ stageCode: 5, percentX100: 2500, body: 'stage' });
        operation.progress({ percentX100: 9000 });
        return 'done';
      },
    });
    const { peer, session } = await opened(server);
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 9 })));
    const [first, second] = [await peer.get(T.progress), await peer.get(T.progress)];
    expect([first.u64(0), first.u64(8), first.u16(16), first.u16(18), first.text]).toEqual([9n, 1n, 5, 2500, 'stage']);
    expect([second.u64(8), second.u16(16), second.u16(18)]).toEqual([2n, 0, 9000]);
    await peer.get(T.result);
  });

  it('holds partial results back by BACKPRESSURE, and lets them go by CREDIT_UPDATE', async () => {
    const server = await serving({
      async *submit() {
        yield 'held';
        return 'end';
      },
    });
    const { peer, session } = await opened(server);
    const pressure = (level: number, window: number) => {
      const metadata = Buffer.alloc(32);
      metadata.writeBigUInt64LE(BigInt(window), 8);
      metadata.writeUInt16LE(level, 16);
      return metadata;
    };
    peer.send(
      packet(T.backpressure, { session }, pressure(2, 0)),
      packet(T.submit, { session, frame: 1 }, submit({ operation: 1 })),
    );
    await peer.settled();
    expect(server.sessions()[0]?.stats().heldResults).toBe(1);
    peer.send(packet(T.credit, { session }, pressure(0, 4)));
    expect((await peer.get(T.partial)).text).toBe('held');
    expect((await peer.get(T.result)).text).toBe('end');
  });

  it('has many sessions on one connection, each with ids of its own', async () => {
    const server = await serving({ submit: (operation) => `${operation.session.sessionId}:${operation.text()}` });
    const { peer, session } = await opened(server);
    peer.send(packet(T.open, {}, open()), packet(T.open, {}, open({ id: 77 })));
    const more = [(await peer.get(T.openAck)).session, (await peer.get(T.openAck)).session];
    expect(more[1]).toBe(77);
    for (const id of [session, ...more]) expect(await answer(peer, id, 1, 1, 'x')).toBe(`${id}:x`);
  });

  it('is told when the server closes a session of it: what it waits for is dropped, and its other sessions live on', async () => {
    const server = await serving({
      submit: (operation) => (operation.text() === 'hold' ? operation.finished : operation.text()),
    });
    const { peer, session } = await opened(server);
    peer.send(packet(T.open, {}, open()));
    const other = (await peer.get(T.openAck)).session;
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 2n ** 40n }), 'hold'));
    await peer.settled();
    await server
      .sessions()
      .find(({ sessionId }) => sessionId === session)
      ?.close({ drainTimeoutMs: 0 });
    const drop = await peer.get(T.dropReason);
    expect([drop.session, drop.frame, drop.u16(16)]).toEqual([session, 1, 8]);
    const close = await peer.get(T.sessionClose);
    expect([close.session, close.u64(8)]).toEqual([session, 2n ** 40n]);
    expect(await answer(peer, other, 1, 1, 'alive')).toBe('alive');
  });

  it('and one of preview3 are served by the same listener', async () => {
    const server = await serving({ submit: (operation) => `${operation.session.revision}` });
    const { peer, session } = await opened(server);
    expect(await answer(peer, session, 1, 1)).toBe('preview4');
    const old = await peerOf(server);
    old.send(packet(T.open, {}, open()));
    const ack = await old.get(T.openAck);
    const metadata = submit({ operation: 0 });
    old.send(packet(T.submit, { session: ack.session, frame: 1 }, metadata));
    expect((await old.get(T.result)).text).toBe('preview3');
  });
});
