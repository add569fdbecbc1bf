import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientOperation } from '../../../src/client/results/client-operation.js';
import { readTicket } from '../../../src/client/tickets/ticket-text.js';
import { eventually } from '../../support/eventually.js';
import { codeOf, REVISIONS, read, rest, TicketStage } from './ticket-stage.js';

const stage = new TicketStage();
afterEach(() => stage.clear());

const waiting = (operation: ClientOperation) => Number(operation.toJSON()['waitingResults']);

/** Reads a text to its end, piece by piece. */
async function pieces(operation: ClientOperation): Promise<string[]> {
  const found: string[] = [];
  for await (const piece of operation.text()) found.push(piece);
  return found;
}

describe.each(REVISIONS)('what a ticket says was read, over %s', (revision) => {
  beforeEach(() => {
    stage.revision = revision;
  });

  it('is a text to its end, although the last result has none', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const submitted = await session.submit('words');
    const work = await operation(1);
    const reading = pieces(submitted);
    for (const word of ['a ', '', 'b ']) await work.push(word);
    await work.complete();
    expect(await reading).toEqual(['a ', 'b ']);
    const silent = await session.submit('nothing at all');
    await (await operation(2)).complete();
    expect(await pieces(silent)).toEqual([]);
    const ticket = session.ticket();
    mortal.kill();
    const { operations } = await (await stage.client(server)).resumeSession(ticket);
    expect([...operations.keys()]).toEqual([]);
  });

  it('is not a last result without text, while the text before it waits', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const submitted = await session.submit('words');
    const work = await operation(1);
    const texts = submitted.text();
    const steps = [texts.next(), texts.next(), texts.next()];
    for (const word of ['a ', 'b ']) await work.push(word);
    await work.complete();
    const [first, second, last] = await Promise.all(steps);
    expect([first?.value, last?.done]).toEqual(['a ', true]);
    const ticket = session.ticket();
    expect(second?.value).toBe('b ');
    const whole = session.ticket();
    mortal.kill();
    expect(readTicket(whole).frames).toEqual([]);
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    expect(await rest(resumed.operations.get(1))).toBe('b ');
  });

  it('does not go back when an older step is read again', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const [submitted, spoken] = [await session.submit('results'), await session.submit('text')];
    const [work, speaking] = [await operation(1), await operation(2)];
    const euro = new TextEncoder().encode('x€');
    const results = submitted[Symbol.asyncIterator]();
    const texts = spoken.text();
    for (const word of ['a ', 'b ', 'c ']) await work.push(word);
    await speaking.push(euro.subarray(0, 2));
    await speaking.push(euro.subarray(2));
    const steps = [await results.next(), await results.next(), await results.next()];
    const told = [await texts.next(), await texts.next()];
    for (const step of [...steps, ...told, steps[0], told[0]]) expect(step?.value).toBeDefined();
    const ticket = session.ticket();
    mortal.kill();
    const { operations } = await (await stage.client(server)).resumeSession(ticket);
    await work.complete('end');
    await speaking.complete('end');
    expect(await rest(operations.get(1))).toBe('end');
    expect(await rest(operations.get(2))).toBe('end');
  });

  it('costs one operation that has waited for long what is not kept, and no other', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const [old, quick, fresh] = [await session.submit('1'), await session.submit('2'), await session.submit('3')];
    const works = [await operation(1), await operation(2), await operation(3)];
    await works[0]?.push('old');
    await eventually(() => waiting(old) === 1, 'it has come');
    const texts = quick.text();
    for (const size of [300 * 1024, 1]) {
      await works[1]?.push(new Uint8Array(size));
      await read(texts, 1);
      await client.ping();
    }
    await works[2]?.push('fresh ');
    await eventually(() => waiting(fresh) === 1, 'it has come, too');
    const ticket = session.ticket();
    mortal.kill();
    const { operations } = await (await stage.client(server)).resumeSession(ticket);
    await works[1]?.complete('quick');
    await works[2]?.complete('and all');
    expect(await codeOf(operations.get(1)?.result() as Promise<unknown>)).toMatch('were not read');
    expect(await rest(operations.get(2))).toBe('quick');
    expect(await rest(operations.get(3))).toBe('fresh and all');
  });

  it('is the same for a third client, while the second has not got all of it', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const frames = [1, 2, 3];
    const submitted = await Promise.all(frames.map((frame) => session.submit(`${frame}`)));
    const loops = submitted.map((each) => each.text());
    const works = await Promise.all(frames.map((frame) => operation(frame)));
    // So long that they come in several pieces.
    const long = ' '.repeat(16 * 1024);
    for (let word = 0; word < 4; word++) for (const work of works) await work.push(`${word}${long}`);
    await works[2]?.complete('over');
    await eventually(() => submitted[2]?.isOver === true, 'all has come');
    // The first has read nothing, the second all, the third a part.
    await read(loops[1] as AsyncIterator<string>, 4);
    await read(loops[2] as AsyncIterator<string>, 2);
    const ticket = session.ticket();
    mortal.kill();
    const second = await stage.mortal(server);
    const opened = await second.client.resumeSession(ticket);
    // At once, before all has come.
    const further = opened.session.ticket();
    expect(opened.operations.get(3)?.isOver).toBe(false);
    second.mortal.kill();
    const third = await (await stage.client(server)).resumeSession(further);
    await works[0]?.complete('over');
    await works[1]?.complete('over');
    const words = async (frame: number) => (await rest(third.operations.get(frame))).replaceAll(long, ' ');
    expect(await words(1)).toBe('0 1 2 3 over');
    expect(await words(2)).toBe('over');
    expect(await words(3)).toBe('2 3 over');
  });
});

describe.each(REVISIONS)('a session that was closed in good order, over %s', (revision) => {
  beforeEach(() => {
    stage.revision = revision;
  });

  it('is resumed by no ticket either when its client is gone at once', async () => {
    const { server } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const ticket = session.ticket();
    await session.close();
    await eventually(() => server.sessionCount === 0, 'the server has closed it, too');
    mortal.kill();
    await eventually(() => server.connectionCount === 0, 'the server has noticed');
    expect(await codeOf((await stage.client(server)).resumeSession(ticket))).toMatch('resume_rejected');
  });

  it('is resumed by no ticket, and its client keeps its other sessions', async () => {
    const { server, operation } = await stage.server();
    const client = await stage.client(server);
    const [session, other] = [await client.openSession(), await client.openSession()];
    const ticket = session.ticket();
    await session.close();
    await eventually(() => server.sessionCount === 1, 'the server has closed it, too');
    const next = await stage.client(server);
    expect(await codeOf(next.resumeSession(ticket))).toMatch('resume_rejected');
    const answer = other.request('still here');
    await (await operation(1)).complete('yes');
    expect((await answer).text()).toBe('yes');
  });
});
