import { isNnrpError, SessionLostError } from 'nnrp-core';
import { UpdateReason } from 'nnrp-core/preview3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientOperation } from '../../../src/client/results/client-operation.js';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import { ticketAddress } from '../../../src/client/tickets/ticket-text.js';
import { eventually } from '../../support/eventually.js';
import { codeOf, REVISIONS, read, rest, TicketStage } from './ticket-stage.js';

const stage = new TicketStage();
afterEach(() => stage.clear());

/** Lets what is under way arrive. */
async function settled(session: NnrpClientSession, condition: () => boolean): Promise<void> {
  await eventually(condition, `session ${session.sessionId} has come so far`);
}

const waiting = (operation: ClientOperation) => Number(operation.toJSON()['waitingResults']);

describe.each(REVISIONS)('a session that another client goes on with, over %s', (revision) => {
  beforeEach(() => {
    stage.revision = revision;
  });

  it('loses nothing and doubles nothing in the middle of a stream', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const submitted = await session.submit('words');
    const texts = submitted.text();
    const work = await operation(submitted.frameId);
    for (const word of ['a ', 'b ', 'c ']) await work.push(word);
    expect(await read(texts, 3)).toEqual(['a ', 'b ', 'c ']);
    const ticket = session.ticket();
    expect(ticketAddress(ticket)).toBe(server.localAddress);
    mortal.kill();
    await work.push('d ');
    const next = await stage.client(server);
    const resumed = await next.resumeSession(ticket);
    expect([...resumed.operations.keys()]).toEqual([submitted.frameId]);
    expect(resumed.lostPackets).toBe(0);
    expect(resumed.session.sessionId).toBe(session.sessionId);
    await work.push('e ');
    await work.complete('f');
    expect(await rest(resumed.operations.get(submitted.frameId))).toBe('d e f');
    const another = resumed.session.request('again');
    const answer = await operation(submitted.frameId + 1);
    await answer.complete('yes');
    expect((await another).text()).toBe('yes');
    await resumed.session.close();
  });

  it('has what was not read, and not what was', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const [slow, quick, ended, unread] = await Promise.all(['1', '2', '3', '4'].map((body) => session.submit(body)));
    if (!slow || !quick || !ended || !unread) throw new Error('no operations');
    const texts = slow.text();
    const quickly = quick.text();
    const works = await Promise.all([1, 2, 3, 4].map((frame) => operation(frame)));
    await works[0]?.push('slow 1 ');
    await works[1]?.push('quick 1 ');
    expect([await read(texts, 1), await read(quickly, 1)]).toEqual([['slow 1 '], ['quick 1 ']]);
    await works[0]?.push('slow 2 ');
    await works[1]?.push('quick 2 ');
    await works[2]?.complete('ended');
    await works[3]?.push('unread 1 ');
    await works[3]?.complete('unread 2');
    expect(await read(quickly, 1)).toEqual(['quick 2 ']);
    expect((await ended.result()).text()).toBe('ended');
    await settled(session, () => unread.isOver && waiting(slow) === 1);
    const ticket = session.ticket();
    mortal.kill();
    const { operations } = await (await stage.client(server)).resumeSession(ticket);
    expect([...operations.keys()]).toEqual([1, 2, 4]);
    await works[0]?.complete('slow 3');
    await works[1]?.complete('quick 3');
    expect(await rest(operations.get(1))).toBe('slow 2 slow 3');
    expect(await rest(operations.get(2))).toBe('quick 3');
    expect(await rest(operations.get(4))).toBe('unread 1 unread 2');
  });

  it('says which operations have lost something that the server has no longer', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const [slow, quick, over] = await Promise.all(['1', '2', '3'].map((body) => session.submit(body)));
    if (!slow || !quick || !over) throw new Error('no operations');
    const works = await Promise.all([1, 2, 3].map((frame) => operation(frame)));
    await works[0]?.push('slow 1');
    await works[2]?.complete('over');
    await settled(session, () => waiting(slow) === 1 && over.isOver);
    // So much makes the server ask what has arrived, in front of what comes behind it; it lets go of that when it is answered.
    await works[1]?.push(new Uint8Array(300 * 1024));
    await works[1]?.push('behind');
    await read(quick.text(), 2);
    await client.ping();
    const ticket = session.ticket();
    mortal.kill();
    const { operations } = await (await stage.client(server)).resumeSession(ticket);
    await works[1]?.complete('quick');
    expect(await rest(operations.get(2))).toBe('quick');
    for (const frame of [1, 3]) {
      const failed = await codeOf(operations.get(frame)?.result() as Promise<unknown>);
      expect(failed).toMatch(`NNRP_ERR_SESSION_LOST: frame ${frame}: results that had come and were not read`);
    }
    await eventually(() => works[0]?.isOver === true, 'the work is given up');
  });

  it('counts as read what a loop has passed over without a look', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const [one, all] = [await client.openSession(), await client.openSession()];
    const submitted = await one.submit('1');
    const results = submitted[Symbol.asyncIterator]();
    const work = await operation(1);
    for (const word of ['a ', 'b ', 'c ']) await work.push(word);
    for (let step = 0; step < 3; step++) await results.next();
    const stream = all.results()[Symbol.asyncIterator]();
    await all.submit('2');
    await all.submit('3');
    const [, second] = [await operation(1), await operation(2)];
    for (const word of ['d ', 'e ', 'f ']) await second.push(word);
    for (let step = 0; step < 3; step++) await stream.next();
    const tickets = [one.ticket(), all.ticket()];
    mortal.kill();
    const next = await stage.client(server);
    const [first, other] = await Promise.all(tickets.map((ticket) => next.resumeSession(ticket)));
    await work.complete('end');
    await second.complete('end');
    // The loop has not asked for more behind the last one: it may not have been read.
    expect(await rest(first?.operations.get(1))).toBe('c end');
    expect(await rest(other?.operations.get(2))).toBe('f end');
  });

  it('goes on in the middle of a character', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const submitted = await session.submit('smile');
    const texts = submitted.text();
    const bytes = new TextEncoder().encode('x😀y');
    const work = await operation(1);
    await work.push(bytes.subarray(0, 3));
    expect(await read(texts, 1)).toEqual(['x']);
    const ticket = session.ticket();
    mortal.kill();
    const { operations } = await (await stage.client(server)).resumeSession(ticket);
    await work.complete(bytes.subarray(3));
    expect(await rest(operations.get(1))).toBe('😀y');
  });

  it('has 64 operations in flight', async () => {
    const { server, operation } = await stage.server({ maxInFlightOperations: 64 });
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession({ maxInFlightOperations: 64 });
    const frames = Array.from({ length: 64 }, (_, index) => index + 1);
    const submitted = await Promise.all(frames.map((frame) => session.submit(`${frame}`)));
    const loops = submitted.map((each) => each.text());
    for (const frame of frames) await (await operation(frame)).push(`${frame}:1 `);
    await Promise.all(loops.map((loop) => read(loop, 1)));
    const ticket = session.ticket();
    mortal.kill();
    for (const frame of frames) await (await operation(frame)).push(`${frame}:2 `);
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    expect(resumed.operations.size).toBe(64);
    for (const frame of frames) await (await operation(frame)).complete(`${frame}:3`);
    const texts = await Promise.all(frames.map((frame) => rest(resumed.operations.get(frame))));
    expect(texts).toEqual(frames.map((frame) => `${frame}:2 ${frame}:3`));
  });

  it('is told what was submitted and did not arrive', async () => {
    const { server, operation, operations: works } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const first = await session.submit('arrives');
    await operation(first.frameId);
    mortal.kill();
    await eventually(() => server.suspendedCount === 1, 'the session is suspended');
    const lost = session.submitNow('does not');
    const ticket = session.ticket();
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    const failure = await resumed.operations
      .get(lost.frameId)
      ?.result()
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SessionLostError);
    expect((failure as SessionLostError).isRetryable).toBe(true);
    expect(works.has(lost.frameId)).toBe(false);
    // Its number is not used again.
    const again = await resumed.session.submit('again');
    expect(again.frameId).toBe(lost.frameId + 1);
    await (await operation(again.frameId)).complete('done');
    expect((await again.result()).text()).toBe('done');
    await (await operation(first.frameId)).complete('too');
    expect(await rest(resumed.operations.get(first.frameId))).toBe('too');
  });

  it('uses no frame id again that was used after the ticket', async () => {
    const { server, operation } = await stage.server({ maxInFlightOperations: 8 });
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession({ maxInFlightOperations: 8 });
    await session.submit('1');
    await operation(1);
    const ticket = session.ticket();
    await session.submit('2');
    await operation(2);
    mortal.kill();
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    const next = await resumed.session.submit('3');
    expect(next.frameId).toBeGreaterThan(2);
    await (await operation(next.frameId)).complete('three');
    expect((await next.result()).text()).toBe('three');
  });

  it('lets results come that the other client had held back, and keeps what the server has said', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const submitted = await session.submit('paused');
    const work = await operation(1);
    session.sendFlowUpdate({ operation: submitted, updateReason: UpdateReason.Pause });
    await work.session.sendFlowUpdate({ updateReason: UpdateReason.Pause });
    await eventually(() => codeNow(session) === 'paused', 'the pause has come');
    const ticket = session.ticket();
    mortal.kill();
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    expect(codeNow(resumed.session)).toBe('paused');
    const pushed = work.push('comes ');
    await work.complete('all');
    await pushed;
    expect(await rest(resumed.operations.get(1))).toBe('comes all');
    await work.session.sendFlowUpdate({ updateReason: UpdateReason.Resume });
    await eventually(() => codeNow(resumed.session) !== 'paused', 'the pause is over');
  });

  it('gives a cancel again that may have been lost', async () => {
    const { server, mortal, session, submitted, work } = await stage.scene();
    mortal.kill();
    submitted.cancel();
    const ticket = session.ticket();
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    expect(resumed.operations.size).toBe(0);
    await eventually(() => work.isOver, 'the work is given up');
    await eventually(() => resumed.session.inFlightCount === 0, 'the server has answered');
  });

  it('is resumed after a loss, moves, gives tickets, and closes', async () => {
    const { server, mortal, session, work } = await stage.scene();
    const ticket = session.ticket();
    mortal.kill();
    const second = await stage.mortal(server);
    const resumed = await second.client.resumeSession(ticket);
    const events = resumed.session.events();
    const told: string[] = [];
    const reading = (async () => {
      for await (const { type } of events) told.push(type);
    })();
    const texts = (resumed.operations.get(1) as ClientOperation).text();
    second.mortal.cut();
    await work.push('one ');
    expect(await read(texts, 1)).toEqual(['one ']);
    await eventually(() => told.includes('resumed'), 'the session is resumed');
    expect(told.filter((type) => type === 'ticketChanged')).toHaveLength(1);
    const further = resumed.session.ticket();
    second.mortal.kill();
    const third = await (await stage.client(server)).resumeSession(further);
    await work.complete('two');
    expect(await rest(third.operations.get(1))).toBe('two');
    await third.session.close();
    expect(third.session.state).toBe('closed');
    await second.client.close({ drainTimeoutMs: 0 });
    await reading;
  });

  it('is not opened again when yet another client takes it', async () => {
    const { server, operation } = await stage.server({ resumeWindowMs: 2000 });
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession({ auth: 'secret-1', defaultDeadlineMs: 0, maxInFlightOperations: 3 });
    await session.submit('work');
    await operation(1);
    const ticket = session.ticket();
    mortal.kill();
    const second = await stage.mortal(server);
    const resumed = await second.client.resumeSession(ticket, { auth: 'secret-2' });
    const reopened = new Promise<number>((resolve) =>
      second.client.on('reopened', (report) => resolve(report.sessionId)),
    );
    // Another client takes it away while this one is not there.
    const taken = resumed.session.ticket();
    const third = await stage.client(server);
    const stolen = third.resumeSession(taken);
    await stolen;
    const ended = await codeOf(resumed.operations.get(1)?.result() as Promise<unknown>);
    expect(ended).toMatch('goes on with another client');
    expect(resumed.session.endReason?.code).toBe('NNRP_ERR_PEER');
    // Nothing is opened again in place of a session that lives elsewhere.
    expect(await Promise.race([reopened, stage.stage.turns(50)])).toBeUndefined();
  });
});

/** Why nothing can be submitted now. */
function codeNow(session: NnrpClientSession): string {
  try {
    session.submitNow('probe').cancel();
    return 'nothing';
  } catch (error) {
    return isNnrpError(error, 'NNRP_ERR_FLOW_BLOCKED') ? error.reason : String(error);
  }
}
