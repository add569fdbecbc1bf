import { getEventListeners } from 'node:events';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { ScriptedServer } from '../support/scripted-server.js';
import { packetBytes } from '../support/wire-packets.js';

const { ErrorCode, ErrorScope, MessageType } = preview3;
const CANCELLED = 'NNRP_ERR_CANCELLED';

afterEach(() => ScriptedServer.clear());

/** A session with one operation that the server has received. */
async function submitted(options: { signal?: AbortSignal } = {}) {
  const server = await ScriptedServer.start();
  const strays: unknown[] = [];
  server.client.on('stray', (stray) => strays.push(stray));
  const session = await server.open(1);
  const operation = session.submitNow('work', options);
  await server.expect(MessageType.FrameSubmit);
  return { server, session, operation, strays };
}

describe('cancelling', () => {
  it('tells the server once, and whoever waits at once; the slot stays taken until the server has answered', async () => {
    const { server, session, operation, strays } = await submitted();
    const result = operation.result();
    operation.cancel('no longer needed');
    operation.cancel('again');
    await expect(result).rejects.toMatchObject({ code: CANCELLED, cause: 'no longer needed' });
    await expect(operation.result()).rejects.toMatchObject({ code: CANCELLED });
    const cancel = await server.expect(MessageType.FrameCancel);
    expect([cancel.sessionId, cancel.frameId, operation.isOver, session.inFlightCount]).toEqual([1, 1, true, 1]);
    server.partial(1, 1, 'late');
    await server.settled();
    expect(session.inFlightCount).toBe(1);
    server.drop(1, 1);
    await server.settled();
    expect([session.inFlightCount, strays]).toEqual([0, []]);
  });

  it('is over with the last result as well, which nobody gets', async () => {
    const { server, session, operation, strays } = await submitted();
    operation.cancel();
    await server.expect(MessageType.FrameCancel);
    const results = session.results();
    server.partial(1, 1, 'late');
    server.result(1, 1, 'too late');
    await server.settled();
    expect([session.inFlightCount, strays]).toEqual([0, []]);
    session.submitNow('next');
    await server.expect(MessageType.FrameSubmit);
    server.result(1, 2, 'next');
    for await (const { result } of results) {
      expect(result.frameId).toBe(2);
      break;
    }
    await expect(operation.result()).rejects.toMatchObject({ code: CANCELLED });
  });

  it('ends a loop, which gets nothing that waits unread', async () => {
    const { server, operation } = await submitted();
    server.partial(1, 1, 'unread');
    await server.settled();
    const loop = operation[Symbol.asyncIterator]();
    operation.cancel(new Error('enough'));
    await expect(loop.next()).rejects.toMatchObject({ code: CANCELLED, cause: { message: 'enough' } });
  });

  it('does nothing after the last answer', async () => {
    const { server, operation } = await submitted();
    server.result(1, 1, 'done');
    await operation.result();
    operation.cancel();
    await server.settled();
    expect((await operation.result()).partial).toBe(false);
  });

  it('makes room for those who wait once the server has answered', async () => {
    const { server, session, operation } = await submitted();
    session.submitNow('2');
    const third = session.submit('3');
    await server.expect(MessageType.FrameSubmit);
    operation.cancel();
    await server.expect(MessageType.FrameCancel);
    server.drop(1, 1);
    expect((await third).frameId).toBe(3);
  });
});

describe('a signal', () => {
  it('cancels the operation, with its reason as the cause', async () => {
    const abort = new AbortController();
    const { server, operation } = await submitted({ signal: abort.signal });
    const result = operation.result();
    abort.abort('user left');
    await expect(result).rejects.toMatchObject({ code: CANCELLED, cause: 'user left' });
    expect((await server.expect(MessageType.FrameCancel)).frameId).toBe(1);
  });

  it('that has aborted before sends nothing', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1, { grantedOperationCredit: 1 });
    const options = { signal: AbortSignal.abort('before') };
    expect(() => session.submitNow('x', options)).toThrow(/NNRP_ERR_CANCELLED/);
    await expect(session.submit('x', options)).rejects.toMatchObject({ code: CANCELLED, cause: 'before' });
    session.submitNow('first');
    await expect(session.submit('x', options)).rejects.toMatchObject({ code: CANCELLED, cause: 'before' });
    expect((await server.expect(MessageType.FrameSubmit)).frameId).toBe(1);
    await server.settled();
  });

  it('is not listened to any more once the operation, or the wait for its turn, is over', async () => {
    const { signal } = new AbortController();
    const listeners = () => getEventListeners(signal, 'abort').length;
    const { server, session } = await submitted({ signal });
    session.submitNow('2', { signal });
    const third = session.submit('3', { signal });
    expect(listeners()).toBe(1);
    server.result(1, 1);
    await third;
    server.drop(1, 2);
    await server.expect(MessageType.FrameSubmit);
    await server.expect(MessageType.FrameSubmit);
    await server.settled();
    expect(listeners()).toBe(1);
    server.vanish();
    await server.client.closed;
    expect(listeners()).toBe(0);
  });
});

describe('a frame that fails', () => {
  const failure = { errorScope: ErrorScope.Frame, relatedFrameId: 1, errorCode: ErrorCode.FrameExpired };

  it('fails with the error that comes before its drop, and the drop is no stray', async () => {
    const { server, session, operation, strays } = await submitted();
    server.error(1, 0, failure, 'took too long');
    server.drop(1, 1);
    await expect(operation.result()).rejects.toMatchObject({
      code: 'NNRP_ERR_DEADLINE',
      wireCode: ErrorCode.FrameExpired,
      message: expect.stringContaining('took too long'),
    });
    await server.settled();
    expect([session.inFlightCount, strays]).toEqual([0, []]);
    server.drop(1, 1);
    await server.settled();
    expect(strays.length).toBe(1);
  });

  it('fails with the drop when that comes first, and the error is reported', async () => {
    const { server, operation } = await submitted();
    const reported = new Promise((resolve) => server.client.once('peerError', resolve));
    server.drop(1, 1);
    server.error(1, 0, failure);
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    expect(await reported).toMatchObject({ sessionId: 1, error: { wireCode: ErrorCode.FrameExpired } });
  });

  it('fails alone when its result is malformed', async () => {
    const { server, session, operation } = await submitted();
    const violations: unknown[] = [];
    server.client.on('protocolViolation', (violation) => violations.push(violation));
    server.send(packetBytes(MessageType.ResultPush, 1, 1, new Uint8Array(64).fill(0xff)));
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    await server.settled();
    expect([violations.length, session.endReason, session.inFlightCount]).toEqual([1, undefined, 0]);
  });
});

describe('an option of a submit', () => {
  it('sets the deadline in the metadata, and the trace id in the header, which results may carry', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const traceId = 0xfedcba98_76543210n;
    const operation = session.submitNow('x', { metadata: { targetFpsX100: 6 }, deadlineMs: 250, traceId });
    const packet = await server.expect(MessageType.FrameSubmit);
    const submit = preview3.decodeFrameSubmit(packet.view, packet.metadataStart);
    expect([submit.latencyBudgetMs, submit.targetFpsX100, packet.traceId]).toEqual([250, 6, traceId]);
    const result = packetBytes(MessageType.ResultPush, 1, 1, new Uint8Array(64));
    new DataView(result.buffer).setBigUint64(32, traceId, true);
    server.send(result);
    expect((await operation.result()).traceId).toBe(traceId);
  });

  it.each([
    [{ deadlineMs: 2 ** 31 }, /deadlineMs takes an integer of 0 to 2147483647/],
    [{ deadlineMs: -1 }, /deadlineMs takes an integer/],
    [{ deadlineMs: 1.5 }, /deadlineMs takes an integer/],
    [{ traceId: -1n }, /traceId/],
    [{ traceId: 2n ** 64n }, /traceId/],
    [{ traceId: 5 as never }, /traceId/],
  ])('that does not fit is refused before anything is sent: %o', async (options, text) => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    expect(() => session.submitNow('x', options)).toThrow(text);
    await expect(session.submit('x', options)).rejects.toThrow(text);
    expect(session.submitNow('x').frameId).toBe(1);
  });
});

describe('a server that does not answer FRAME_CANCEL', () => {
  const config = { requestTimeoutMs: 20 };

  it('keeps no slot: those who wait get theirs in time, and a late answer is no stray', async () => {
    const server = await ScriptedServer.start(config);
    const strays: unknown[] = [];
    server.client.on('stray', (stray) => strays.push(stray));
    const session = await server.open(1, { maxInFlightOperations: 2 });
    const operations = [session.submitNow('1'), session.submitNow('2')];
    const waiting = ['3', '4'].map((body) => session.submit(body));
    for (const operation of operations) operation.cancel();
    expect(session.inFlightCount).toBe(2);
    expect((await Promise.all(waiting)).map(({ frameId }) => frameId)).toEqual([3, 4]);
    for (const frameId of [1, 2, 3, 4]) {
      expect((await nextSubmit(server)).frameId).toBe(frameId);
    }
    server.partial(1, 1, 'late');
    server.result(1, 1, 'later');
    server.drop(1, 2);
    await server.settled();
    expect([strays.length, session.inFlightCount]).toEqual([0, 2]);
    server.result(1, 1, 'once more');
    server.drop(1, 2);
    await server.settled();
    expect(strays.length).toBe(2);
  });

  it('does not keep a session from draining', async () => {
    const server = await ScriptedServer.start(config);
    const session = await server.open(1);
    const operation = session.submitNow('work');
    await server.expect(MessageType.FrameSubmit);
    server.close(1, { drainTimeoutMs: 60_000 });
    await server.expect(MessageType.SessionCloseAck);
    operation.cancel();
    await server.expect(MessageType.FrameCancel);
    const ack = await server.expect(MessageType.SessionCloseAck);
    expect(preview3.decodeSessionCloseAck(ack.view, ack.metadataStart).closeStatus).toBe(preview3.CloseStatus.Closed);
  });

  async function nextSubmit(server: ScriptedServer) {
    for (;;) {
      const packet = await server.next();
      if (packet.messageType === MessageType.FrameSubmit) return packet;
    }
  }
});

it('a signal cancels all that follow it, also when one of them throws over it: that costs its own connection', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const crashed: string[] = [];
  const sessions = [];
  for (const name of ['one', 'other']) {
    const server = await ScriptedServer.start();
    server.client.on('internalError', () => crashed.push(name));
    sessions.push(await server.open(1, { grantedOperationCredit: 1 }));
  }
  const [one, other] = sessions.map((session) => session.submitNow('x', { signal }));
  const waiting = sessions[1]?.submit('y', { signal });
  const outcomes = Promise.allSettled([other?.result(), waiting]);
  if (one !== undefined) {
    one.cancelFor = () => {
      throw new Error('planted');
    };
  }
  controller.abort();
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: CANCELLED } });
  }
  expect([crashed, getEventListeners(signal, 'abort')]).toEqual([['one'], []]);
});

it('any number of operations may follow one signal without a warning', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const server = await ScriptedServer.start();
  const session = await server.open(1, { grantedOperationCredit: 20, maxInFlightOperations: 20 });
  const { signal } = new AbortController();
  for (let count = 0; count < 40; count++) void session.submit('x', { signal });
  await new Promise(setImmediate);
  process.off('warning', warned);
  expect([warnings, getEventListeners(signal, 'abort').length]).toEqual([[], 1]);
});

describe('a signal of another implementation', () => {
  /** Throws when it is asked for this. */
  function signalThat(broken: 'addEventListener' | 'removeEventListener' | 'reason') {
    const abort = new AbortController();
    const { signal } = abort;
    const property = {
      get() {
        if (broken === 'reason') throw new Error('broken signal');
        return () => {
          throw new Error('broken signal');
        };
      },
    };
    Object.defineProperty(signal, broken, property);
    return abort;
  }

  it('whose reason throws cancels its operation, and nothing else ends', async () => {
    const abort = signalThat('reason');
    const { server, session, operation } = await submitted({ signal: abort.signal });
    abort.abort();
    await expect(operation.result()).rejects.toMatchObject({ code: CANCELLED, cause: { message: 'broken signal' } });
    await server.expect(MessageType.FrameCancel);
    session.submitNow('next');
    await server.expect(MessageType.FrameSubmit);
  });

  it('that aborts while it is asked for its abort cancels the operation', async () => {
    const { server, session } = await submitted();
    const signal = Object.assign(new EventTarget(), { aborted: false, reason: 'at once' });
    signal.addEventListener = (_type: string, listener: unknown) => {
      signal.aborted = true;
      (listener as () => void)();
    };
    const operation = await session.submit('more', { signal: signal as never });
    await expect(operation.result()).rejects.toMatchObject({ code: CANCELLED, cause: 'at once' });
    expect((await server.expect(MessageType.FrameSubmit)).frameId).toBe(2);
    expect((await server.expect(MessageType.FrameCancel)).frameId).toBe(2);
  });

  it('that cannot be listened to gives the operation up that nobody gets', async () => {
    const { server, session } = await submitted();
    const { signal } = signalThat('addEventListener');
    await expect(session.submit('more', { signal })).rejects.toThrow('broken signal');
    expect((await server.expect(MessageType.FrameSubmit)).frameId).toBe(2);
    expect((await server.expect(MessageType.FrameCancel)).frameId).toBe(2);
    server.drop(1, 2);
    await server.settled();
    expect(session.inFlightCount).toBe(1);
  });

  it('that cannot be listened to leaves the line where submits wait', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1, { maxInFlightOperations: 1 });
    session.submitNow('work');
    await server.expect(MessageType.FrameSubmit);
    const { signal } = signalThat('addEventListener');
    const refused = session.submit('refused', { signal });
    const next = session.submit('next');
    await expect(refused).rejects.toThrow('broken signal');
    server.result(1, 1, 'done');
    expect((await next).frameId).toBe(2);
    await server.expect(MessageType.FrameSubmit);
    expect(session.inFlightCount).toBe(1);
  });

  it('that cannot be let go of keeps its operation from nothing', async () => {
    const { signal } = signalThat('removeEventListener');
    const { server, session, operation } = await submitted({ signal });
    server.result(1, 1, 'done');
    expect((await operation.result()).frameId).toBe(1);
    session.submitNow('next');
    await server.expect(MessageType.FrameSubmit);
  });
});

it('any reason cancels, also one that cannot be looked at', async () => {
  const { operation } = await submitted();
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  operation.cancel(proxy);
  await expect(operation.result()).rejects.toMatchObject({ code: CANCELLED });
});
