import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { Stage } from '../../support/stage.js';

const { CancelScope, OperationState } = preview3;
const dropped = { code: 'NNRP_ERR_CANCELLED_BY_SERVER' };

const stage = new Stage();
afterEach(() => stage.clear());

async function submitted(count: number) {
  const { session, clientSession } = await stage.session({ maxInFlightOperations: 8, grantedOperationCredit: 8 });
  const frames = [];
  for (let index = 0; index < count; index++) {
    const operation = await clientSession.submit(`work ${index}`);
    frames.push({ operation, context: await session.receiveSubmit() });
  }
  return { session, frames: frames as Required<typeof frames> };
}

describe('operations that belong together', () => {
  it('are cancelled as a subtree, the others go on', async () => {
    const { session, frames } = await submitted(4);
    const [root, child, grandchild, other] = frames.map(({ context }) => context);
    child?.relate({ parentFrameId: root?.frameId ?? 0 });
    grandchild?.relate({ parentFrameId: child?.frameId ?? 0 });
    expect(session.cancelOperations(CancelScope.Subtree, 1)).toEqual([1, 2, 3]);
    for (const { operation } of frames.slice(0, 3)) await expect(operation.result()).rejects.toMatchObject(dropped);
    expect(child?.signal.reason).toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    await other?.complete('still here');
    expect(new TextDecoder().decode((await frames[3]?.operation.result())?.body)).toBe('still here');
  });

  it('are cancelled as a group', async () => {
    const { session, frames } = await submitted(3);
    for (const { context } of frames.slice(0, 2)) context.relate({ groupId: 7 });
    expect(session.cancelOperations(CancelScope.Group, 2)).toEqual([1, 2]);
    expect(session.isInFlight(3)).toBe(true);
    expect(() => session.cancelOperations(CancelScope.Group, 3)).toThrow(/has no group/);
  });

  it('form no circles, and belong to nobody unknown', async () => {
    const { frames } = await submitted(2);
    const [one, two] = frames.map(({ context }) => context);
    two?.relate({ parentFrameId: 1 });
    expect(() => one?.relate({ parentFrameId: 2 })).toThrow(/its own parent/);
    expect(() => one?.relate({ parentFrameId: 99 })).toThrow(/99/);
    expect(() => one?.relate({ groupId: 0 })).toThrow(/group/);
  });
});

describe('work that waits for a tool', () => {
  it('says so in its state, and goes on when the tool or the handler has answered', async () => {
    const { session, frames } = await submitted(1);
    const [frame] = frames;
    const state = () => session.operations.get(1)?.state;
    expect(state()).toBe(OperationState.Running);
    frame?.context.waitForTool();
    expect(state()).toBe(OperationState.WaitingTool);
    expect(() => frame?.context.waitForTool()).toThrow(/waiting_tool/);
    frame?.context.resumeWork();
    expect(state()).toBe(OperationState.Running);
    frame?.context.waitForTool();
    await frame?.context.push('a fragment');
    expect(state()).toBe(OperationState.Partial);
    await frame?.context.complete('done');
    expect(() => frame?.context.waitForTool()).toThrow(/last answer/);
    expect((await frame?.operation.result())?.partial).toBe(false);
  });
});
