import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { Operation } from '../../../src/server/operation/operation.js';
import { SessionOperations } from '../../../src/server/operation/session-operations.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { BackpressureLevel, CancelScope, UpdateReason } = preview3;

const stage = new Stage();
afterEach(async () => {
  vi.restoreAllMocks();
  await stage.clear();
});

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A server with one place for handlers, and a peer that has it; two more submits of the peer wait for one. */
async function crowded() {
  const server = await stage.serve();
  const begun: OperationContext[] = [];
  const aborted: number[] = [];
  const errors: unknown[] = [];
  server.on('internalError', ({ error }) => errors.push(error));
  const submit = (operation: OperationContext) => {
    if (text(operation.body) === 'short') return 'fine';
    begun.push(operation);
    return new Promise<never>((_, reject) => {
      operation.signal.addEventListener('abort', () => {
        aborted.push(operation.frameId);
        reject(operation.signal.reason);
      });
    });
  };
  void server.serve({ submit }, { maxConcurrentOperations: 1 });
  const peer = await SessionPeer.open(stage, server);
  for (const frameId of [1, 2, 3]) peer.submit(frameId);
  const counts = () => {
    const { queuedOperations, runningOperations } = server.stats();
    return [queuedOperations?.value, runningOperations?.value];
  };
  await eventually(() => String(counts()) === '2,1', 'one runs and two wait');
  return { server, peer, begun, aborted, errors, counts };
}

/** The one place where operations end. */
function plantedEnd() {
  return vi.spyOn(SessionOperations.prototype, 'answered');
}

function thrower(): never {
  throw new Error('planted');
}

async function isServed(other: SessionPeer): Promise<string> {
  other.submit(1, 'short');
  return other.next();
}

describe('an end of operations in which something is thrown', () => {
  it('of the session gives back what waits for a handler, and stops what runs', async () => {
    const { server, peer, aborted, errors, counts } = await crowded();
    const other = await SessionPeer.open(stage, server);
    const planted = plantedEnd().mockImplementation(thrower);
    peer.raw.destroy();
    await eventually(() => String(counts()) === '0,0', 'nothing is left');
    planted.mockRestore();
    expect(aborted).toEqual([1]);
    expect(errors.length).toBeGreaterThan(0);
    expect(await isServed(other)).toBe('result 1 fine');
  });

  it('of one of them, which the session knows no more when it ends, gives back the place it waits for', async () => {
    const { server, peer, counts } = await crowded();
    const other = await SessionPeer.open(stage, server);
    const planted = plantedEnd().mockImplementationOnce(thrower);
    peer.cancel(3);
    await eventually(() => String(counts()) === '0,0', 'nothing is left');
    expect(planted).toHaveBeenCalled();
    expect(await isServed(other)).toBe('result 1 fine');
  });

  it('of an operation that the application has frozen keeps no other from its end', async () => {
    const { begun, counts } = await crowded();
    const [first] = begun;
    Object.freeze(first);
    expect(first?.session.cancelOperations(CancelScope.Session, 0)).toEqual([1, 2, 3]);
    await eventually(() => counts()[0] === 0, 'nothing waits');
    expect(begun.length).toBe(1);
  });

  it('of one that gives its place to an operation that was frozen costs nobody else', async () => {
    const server = await stage.serve();
    server.on('internalError', () => {});
    const begun: OperationContext[] = [];
    const submit = async (operation: OperationContext) => {
      begun.push(operation);
      if (begun.length === 1) await operation.push('partial');
      return begun.length === 1 ? 'alone' : operation.finished;
    };
    void server.serve({ submit }, { maxConcurrentOperations: 1 });
    const paused = await SessionPeer.open(stage, server);
    const other = await SessionPeer.open(stage, server);
    paused.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause, backpressureLevel: BackpressureLevel.Hard });
    paused.submit(1);
    await eventually(() => server.stats().suspendedOperations?.value === 1, 'its place is lent');
    other.submit(1);
    await eventually(() => begun.length === 2, 'to the other one');
    paused.flow({ creditEpoch: 2, updateReason: UpdateReason.Resume });
    expect(await paused.next()).toBe('partial 1 partial');
    Object.freeze(begun[0]);
    await begun[1]?.complete('answer');
    expect(await other.next()).toBe('result 1 answer');
    await eventually(() => server.stats().suspendedOperations?.value === 0, 'the frozen one is over');
    expect(server.stats().runningOperations?.value).toBe(0);
    other.submit(2);
    await eventually(() => begun.length === 3, 'there is a place');
  });

  const WAITS = ['lacksRoom', 'heldResults'] as const;

  it.each(WAITS)('of one that was frozen while a push of it waits ends no process: %s', async (what) => {
    const server = await stage.serve();
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    server.on('internalError', () => {});
    server.on('handlerFailure', () => {});
    let frozen: OperationContext | undefined;
    const submit = async (operation: OperationContext) => {
      if (text(operation.body) === 'short') return 'fine';
      let pushed: Promise<void> | undefined;
      for (let count = 0; count < 40 && !(operation as Operation)[what]; count++)
        pushed = operation.push(new Uint8Array(900_000));
      expect(Boolean((operation as Operation)[what])).toBe(true);
      Object.freeze(operation);
      frozen = operation;
      await pushed;
      return 'fine';
    };
    void server.serve({ submit });
    const peer = await SessionPeer.open(stage, server);
    peer.raw.socket.pause();
    if (what === 'heldResults')
      peer.flow({ creditEpoch: 1, updateReason: UpdateReason.Pause, backpressureLevel: BackpressureLevel.Hard });
    peer.submit(1);
    await eventually(() => frozen !== undefined, 'it waits');
    peer.raw.destroy();
    await eventually(() => server.stats().connections?.value === 0, 'its connection is over');
    expect(await isServed(await SessionPeer.open(stage, server))).toBe('result 1 fine');
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});
