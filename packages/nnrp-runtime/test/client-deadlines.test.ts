import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClientOptions, SessionOptions } from '../src/client/client-config.js';
import type { SubmitOptions } from '../src/client/client-messages.js';
import { ScriptedServer } from './scripted-server.js';
import { ANNOUNCEMENT } from './session-peer.js';
import { Stage } from './stage.js';

const { MessageType } = preview3;
const stage = new Stage();
afterEach(async () => {
  await ScriptedServer.clear();
  await stage.clear();
});

/** A session of a client at a server that says what it understands, or does not. */
async function opened(announced: boolean, options: SessionOptions = {}, config: NnrpClientOptions = {}) {
  const server = await ScriptedServer.start(config);
  const opening = server.client.openSession(options);
  await server.expect(MessageType.SessionOpen);
  if (announced) server.openAck(1, { sessionExtensionBytes: ANNOUNCEMENT.length }, ANNOUNCEMENT);
  else server.openAck(1);
  return { server, session: await opening };
}

/** latency_budget_ms of a submit. */
async function budgetOf(announced: boolean, defaultDeadlineMs: number, options?: SubmitOptions): Promise<number> {
  const { server, session } = await opened(announced, { defaultDeadlineMs });
  session.submitNow('work', options);
  const packet = await server.expect(MessageType.FrameSubmit);
  return preview3.decodeFrameSubmit(packet.view, packet.metadataStart).latencyBudgetMs;
}

describe('the deadline of a submit', () => {
  it.each([
    // announced, default of the session, deadlineMs, latency_budget_ms
    [true, 0, undefined, 0],
    [true, 500, undefined, 0],
    [true, 500, 2000, 2000],
    [true, 500, 65_534, 65_534],
    [true, 0, 0, 0],
    [true, 500, 0, 0xffff],
    [true, 500, 65_535, 0xffff],
    [true, 500, 600_000, 0xffff],
    [true, 0, 600_000, 0],
    [true, 600_000, 600_000, 0],
    [false, 0, 600_000, 0],
    [false, 500, 0, 0xffff],
    [false, 500, 65_535, 0xffff],
    [false, 500, 65_534, 65_534],
  ])('goes onto the wire: announced %s, default %i, asked for %s: %i', async (announced, byDefault, asked, budget) => {
    const options = asked === undefined ? undefined : { deadlineMs: asked };
    expect(await budgetOf(announced, byDefault, options)).toBe(budget);
  });

  it('that a server cannot be asked for is refused, with the limits and what to do', async () => {
    const { session } = await opened(false, { defaultDeadlineMs: 500 });
    const options = { deadlineMs: 65_536 };
    const text = /65535 ms by one submit.*500 ms by the defaultDeadlineMs.*longer defaultDeadlineMs/;
    expect(() => session.submitNow('work', options)).toThrow(text);
    await expect(session.submit('work', options)).rejects.toThrow(text);
    expect(session.submitNow('work').frameId).toBe(1);
  });

  it('is kept by this side when the server says nothing, some time after it', async () => {
    const { server, session } = await opened(true, { defaultDeadlineMs: 20 }, { deadlineGraceMs: 30 });
    const byDefault = session.submitNow('work');
    const own = session.submitNow('work', { deadlineMs: 30 });
    const error = { code: 'NNRP_ERR_DEADLINE', message: expect.stringContaining('nor in the 30 ms after it') };
    await expect(byDefault.result()).rejects.toMatchObject({ ...error, deadlineMs: 20 });
    await expect(own.result()).rejects.toMatchObject({ ...error, deadlineMs: 30 });
    for (const type of [MessageType.FrameSubmit, MessageType.FrameSubmit]) await server.expect(type);
    for (const frameId of [1, 2]) expect((await server.expect(MessageType.FrameCancel)).frameId).toBe(frameId);
    server.drop(1, 1);
    server.drop(1, 2);
    await server.settled();
    expect(session.inFlightCount).toBe(0);
  });

  it('says nothing about work that was answered in time, and about work without one', async () => {
    const { server, session } = await opened(true, { defaultDeadlineMs: 10 }, { deadlineGraceMs: 1 });
    const answered = session.submitNow('work');
    server.result(1, 1);
    await answered.result();
    const unlimited = session.submitNow('work', { deadlineMs: 0 });
    const witness = session.submitNow('work');
    await expect(witness.result()).rejects.toMatchObject({ code: 'NNRP_ERR_DEADLINE' });
    expect(unlimited.isOver).toBe(false);
  });

  it('does not run out while this side does not read', async () => {
    const { server, session } = await opened(false, {}, { deadlineGraceMs: 1, maxBufferedResultBytes: 10 });
    const unread = session.submitNow('work');
    server.partial(1, 1, 'more than ten bytes');
    const late = session.submitNow('work', { deadlineMs: 20 });
    for (let count = 0; count < 2; count++) await server.expect(MessageType.FrameSubmit);
    server.result(1, 2, 'in time');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(late.isOver).toBe(false);
    unread.cancel();
    expect((await late.result()).partial).toBe(false);
  });
});

it('no deadline, and one of more than 65 seconds, reach a server of this package', async () => {
  const { session, clientSession } = await stage.session({ deadlines: true }, { defaultDeadlineMs: 500 });
  for (const deadlineMs of [0, 600_000]) {
    const operation = await clientSession.submit('work', { deadlineMs });
    const work = await session.receiveSubmit();
    expect(work.deadlineMs).toBe(0);
    await work.complete('done');
    await operation.result();
  }
});

it('a session asks for no deadline unless told', async () => {
  const server = await ScriptedServer.start();
  void server.client.openSession();
  const packet = await server.expect(MessageType.SessionOpen);
  expect(preview3.decodeSessionOpen(packet.view, packet.metadataStart).defaultDeadlineMs).toBe(0);
});
