import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import { ConnectionGate } from '../../../src/server/operation/connection-gate.js';
import type { Operation } from '../../../src/server/operation/operation.js';
import { ResultGate } from '../../../src/server/operation/result-gate.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { BackpressureLevel, ScopeKind, UpdateReason } = preview3;
const { Pause, Resume } = UpdateReason;

const stage = new Stage();
afterEach(() => stage.clear());

describe('pushes that are awaited', () => {
  it('may wait one for each operation, however many results are held; a second one is refused', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const refused: unknown[] = [];
    const begun: OperationContext[] = [];
    const submit = async (operation: OperationContext) => {
      begun.push(operation);
      await operation.push('a');
      return 'z';
    };
    const count = 5000;
    const scheduling = { maxSuspendedPerConnection: count, maxQueuedPerConnection: count };
    server.on('handlerFailure', ({ error }) => refused.push(error));
    void server.serve({ submit }, { maxQueuedOperations: count, scheduling });
    const peer = await SessionPeer.open(stage, server, { maxInFlightOperations: 0 });
    peer.flow({ creditEpoch: 1, updateReason: Pause });
    for (let frameId = 1; frameId <= count; frameId++) peer.submit(frameId);
    await eventually(() => begun.length === count, 'all wait');
    expect(server.stats().heldResults).toMatchObject({ value: count, bound: 4096, hits: count - 4096 });
    await expect(begun[0]?.push('b')).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    peer.flow({ creditEpoch: 2, updateReason: Resume });
    const said = await peer.take(2 * count);
    expect(said.filter((line) => line.startsWith('result'))).toHaveLength(count);
    expect(refused).toEqual([]);
    expect(server.stats().heldResults?.value).toBe(0);
  });
});

describe('pushes that are not awaited', () => {
  it('make no bodies once one is refused, until the client takes results again', async () => {
    const server = await stage.serve();
    let operation: OperationContext | undefined;
    void server.serve({
      submit(context) {
        operation = context;
        return context.finished;
      },
    });
    const peer = await SessionPeer.open(stage, server);
    peer.flow({ creditEpoch: 1, updateReason: Pause });
    peer.submit(1);
    await eventually(() => operation !== undefined, 'the handler runs');
    let isMade = false;
    const partial = {
      get body() {
        isMade = true;
        return 'x';
      },
    };
    const push = () => operation?.push(partial) ?? Promise.resolve();
    const pushes = Array.from({ length: 4097 }, push);
    await expect(pushes.at(-1)).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    isMade = false;
    await expect(push()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(isMade).toBe(false);
    peer.flow({ creditEpoch: 2, updateReason: Resume });
    await Promise.all(pushes.slice(0, -1));
    await push();
    expect(isMade).toBe(true);
  });
});

describe('an update of the flow', () => {
  const update = (creditEpoch: number, updateReason: preview3.UpdateReason): preview3.FlowUpdate => ({
    scopeKind: ScopeKind.Session,
    updateReason,
    backpressureLevel: BackpressureLevel.None,
    connectionCredit: 0,
    sessionCredit: 0,
    operationCredit: 0,
    operationId: 0n,
    retryAfterMs: 0,
    creditEpoch,
    flowFlags: 0,
  });

  /** Microseconds for a pause and a resume of the session, while so many operations are paused one by one. */
  function costUs(paused: number): number {
    const connection = new ConnectionGate({ crashed: () => {} });
    const gate = new ResultGate(connection, false, 1 << 30, { crashed: () => {}, bounds: { hit: () => {} } });
    for (let id = 0; id < paused; id++) {
      const operation = { isOver: false } as Operation;
      gate.scopeOf(operation).apply(update(1, Pause), 0);
      gate.flowChanged(operation);
      gate.afterHold(operation, 1, () => Promise.resolve()).catch(() => {});
    }
    const scope = gate.scopeOf();
    const rounds = 2000;
    let best = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 5; attempt++) {
      const sinceMs = performance.now();
      for (let at = 0; at < rounds; at++) {
        scope.apply(update(scope.epoch + 1, at % 2 === 0 ? Pause : Resume), 0);
        gate.flowChanged(undefined);
      }
      best = Math.min(best, performance.now() - sinceMs);
    }
    expect(gate.heldCount).toBe(paused);
    gate.end();
    return (best * 1000) / rounds;
  }

  it('costs the same whatever is held', () => {
    costUs(1000);
    const few = costUs(100);
    expect(costUs(20_000)).toBeLessThan(few * 10 + 2);
  });
});
