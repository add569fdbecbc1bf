import { inspect } from 'node:util';
import { CacheAckStatus, CacheInvalidateScope, CacheObjectKind, UpdateReason } from 'nnrp-core/preview3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientOperation } from '../../../src/client/results/client-operation.js';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import { eventually } from '../../support/eventually.js';
import { codeOf, REVISIONS, read, rest, TicketStage } from './ticket-stage.js';

const stage = new TicketStage();
afterEach(() => stage.clear());

describe.each(REVISIONS)('a ticket, over %s', (revision) => {
  beforeEach(() => {
    stage.revision = revision;
  });

  it('is good once', async () => {
    const { server, mortal, session, work } = await stage.scene();
    const ticket = session.ticket();
    mortal.kill();
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    await work.push('proof');
    await read((resumed.operations.get(1) as ClientOperation).text(), 1);
    const late = await stage.client(server);
    expect(await codeOf(late.resumeSession(ticket))).toBe(
      'NNRP_ERR_SESSION_REFUSED: the server refuses the session: resume_rejected (0x00010006)',
    );
    // Neither the session nor its client notices.
    await work.complete('on');
    expect((await (resumed.operations.get(1) as ClientOperation).result()).text()).toBe('on');
  });

  it('is good no longer as soon as its client has the session, whatever that has to do', async () => {
    const { server } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const ticket = (await client.openSession()).ticket();
    mortal.kill();
    const next = await stage.client(server);
    const { session } = await next.resumeSession(ticket);
    await next.ping();
    expect(await codeOf((await stage.client(server)).resumeSession(ticket))).toMatch('resume_rejected');
    expect(session.state).toBe('open');
  });

  it('is good no longer when the session was resumed since', async () => {
    const { server } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const stale = session.ticket();
    const changed = (async () => {
      for await (const { type } of session.events()) if (type === 'ticketChanged') return;
    })();
    mortal.cut();
    await changed;
    session.sendFlowUpdate({});
    await client.ping();
    expect(session.ticket()).not.toBe(stale);
    const other = await stage.client(server);
    await eventually(() => server.suspendedCount === 0, 'the session is there');
    expect(await codeOf(other.resumeSession(stale))).toMatch('resume_rejected');
    expect(session.state).toBe('open');
  });

  it('is good no longer when the window is over', async () => {
    const { server } = await stage.server({ resumeWindowMs: 50 });
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const ticket = session.ticket();
    const expired = new Promise((resolve) => server.on('sessionExpired', resolve));
    mortal.kill();
    await expired;
    expect(await codeOf((await stage.client(server)).resumeSession(ticket))).toMatch('resume_rejected');
  });

  it('takes the session from a client that is there, which is told, and keeps its others', async () => {
    const { server, operation } = await stage.server();
    const client = await stage.client(server);
    const session = await client.openSession();
    const other = await client.openSession();
    const submitted = await session.submit('work');
    const work = await operation(1);
    const failed = codeOf(submitted.result());
    const told: string[] = [];
    client.on('suspended', () => told.push('suspended'));
    client.on('lost', () => told.push('lost'));
    client.on('reopened', () => told.push('reopened'));
    const next = await stage.client(server);
    const resumed = await next.resumeSession(session.ticket());
    expect(await failed).toBe(`NNRP_ERR_PEER: the server reports invalid_state (0x0003): ${takenFrom(session)}`);
    expect(session.state).toBe('closed');
    expect(() => session.submitNow('more')).toThrow('goes on with another client');
    await work.complete('done');
    expect(await rest(resumed.operations.get(1))).toBe('done');
    // The other session of that client is where it was.
    const request = other.request('still here');
    await eventually(() => server.suspendedCount === 0, 'both are there');
    await (await operation(1)).finished;
    void request.catch(() => {});
    expect(other.state).toBe('open');
    expect(told).toEqual([]);
  });

  it('that is too old takes nothing from a client that is there', async () => {
    const { server, operation } = await stage.server();
    const client = await stage.client(server);
    const session = await client.openSession();
    const submitted = await session.submit('work');
    const texts = submitted.text();
    const work = await operation(1);
    await work.push('first ');
    expect(await read(texts, 1)).toEqual(['first ']);
    const ticket = session.ticket();
    // So long that each brings a fence, which shows that the client has what came before.
    const part = 'x'.repeat(300_000);
    for (let count = 0; count < 3; count++) {
      await work.push(part);
      expect((await read(texts, 1))[0]).toHaveLength(part.length);
      await client.ping();
    }
    const next = await stage.client(server);
    expect(await codeOf(next.resumeSession(ticket))).toMatch('resume_rejected');
    expect(session.state).toBe('open');
    await work.complete('last');
    expect((await submitted.result()).text()).toBe('last');
  });

  it('lets one of two clients win that come at the same time', async () => {
    const { server, mortal, session, work } = await stage.scene();
    const ticket = session.ticket();
    mortal.kill();
    const clients = await Promise.all([stage.client(server), stage.client(server)]);
    const outcomes = await Promise.allSettled(clients.map((each) => each.resumeSession(ticket)));
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(won.length).toBeGreaterThan(0);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(String(outcome.reason)).toContain('resume_rejected');
    await eventually(() => won.filter((each) => each.session.state === 'open').length <= 1, 'one has it');
    const winner = won.find((each) => each.session.state === 'open');
    await work.complete('once');
    expect(await rest(winner?.operations.get(1))).toBe('once');
  });

  it('keeps the cache of the session, and what was patched', async () => {
    const server = await stage.stage.serve({ supportedCacheObjects: [CacheObjectKind.PromptSegment] });
    const patched: number[] = [];
    void server.serve({
      submit: ({ body }) => body,
      patch: ({ metadata }) => {
        patched.push(metadata.qualityTier);
        return { effectiveQualityTier: metadata.qualityTier };
      },
    });
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const object = { namespace: 1, key: 9n, kind: CacheObjectKind.PromptSegment };
    expect(await session.putObject(object, 'once')).toMatchObject({ status: CacheAckStatus.Accepted });
    expect(await session.patch({ qualityTier: 3 })).toMatchObject({ effectiveQualityTier: 3 });
    const ticket = session.ticket();
    mortal.kill();
    const resumed = await (await stage.client(server)).resumeSession(ticket);
    expect(await resumed.session.putObject(object, 'again')).toMatchObject({ status: CacheAckStatus.Replaced });
    expect(await resumed.session.patch({ qualityTier: 2 })).toMatchObject({ effectiveQualityTier: 2 });
    await resumed.session.invalidateObjects({ scope: CacheInvalidateScope.WholeSession });
    expect(await resumed.session.putObject(object, 'new')).toMatchObject({ status: CacheAckStatus.Accepted });
    expect((await resumed.session.request('hello')).text()).toBe('hello');
    expect(patched).toEqual([3, 2]);
    await resumed.session.close();
  });

  it('asks the policy again, with the auth that is given now', async () => {
    const seen: string[] = [];
    const { server } = await stage.server({
      applicationPolicy: {
        validateSessionOpen: (_open, { auth, resumes }) => {
          seen.push(`${Buffer.from(auth).toString()} ${resumes ?? 'new'}`);
          return Buffer.from(auth).toString() === 'revoked' ? 0x010001 : undefined;
        },
      },
    });
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession({ auth: 'first' });
    const ticket = session.ticket();
    mortal.kill();
    const next = await stage.client(server);
    expect(await codeOf(next.resumeSession(ticket, { auth: 'revoked' }))).toMatch('auth_failed');
    const resumed = await next.resumeSession(ticket, { auth: 'second' });
    expect(resumed.session.state).toBe('open');
    expect(seen).toEqual(['first new', `revoked ${session.sessionId}`, `second ${session.sessionId}`]);
    expect(Buffer.from(ticket.slice(6), 'base64url').includes('first')).toBe(false);
  });

  it('is given by no session that cannot be resumed, which says why', async () => {
    const { server } = await stage.server();
    const never = await (await stage.client(server, { reconnect: 'never' })).openSession();
    expect(() => never.ticket()).toThrow(
      `session ${never.sessionId} gives no ticket: reconnect of its client is 'never'`,
    );
    const reopening = await (await stage.client(server, { reconnect: 'reopen' })).openSession();
    expect(() => reopening.ticket()).toThrow("reconnect of its client is 'reopen'");
    const silent = await (await stage.client(server, { announce: false })).openSession();
    expect(() => silent.ticket()).toThrow('does not announce itself');
    const { server: forgetful } = await stage.server({ resumeWindowMs: 0 });
    const unknown = await (await stage.client(forgetful)).openSession();
    expect(() => unknown.ticket()).toThrow('the server has given no token for it');
    const closed = await (await stage.client(server)).openSession();
    await closed.close();
    expect(() => closed.ticket()).toThrow('it is not open: ');
    const closing = await (await stage.client(server)).openSession();
    const whenClosed = closing.close();
    expect(() => closing.ticket()).toThrow('it is being closed');
    await whenClosed;
  });

  it('is refused by a client that cannot use it, before anything is sent', async () => {
    const { server } = await stage.server();
    const client = await stage.client(server);
    const session = await client.openSession();
    const ticket = session.ticket();
    expect(await codeOf(client.resumeSession(ticket))).toMatch(`this client has session ${session.sessionId} itself`);
    for (const reconnect of ['never', 'reopen'] as const) {
      const other = await stage.client(server, { reconnect });
      expect(await codeOf(other.resumeSession(ticket))).toMatch(`reconnect of this client is '${reconnect}'`);
    }
    const other = await stage.client(server);
    for (const wrong of [undefined, 7, '', 'nnrp1.', ticket.slice(0, -1), `${ticket}A`, 'nnrp2.AAAA', `x${ticket}`]) {
      const said = await codeOf(other.resumeSession(wrong as string));
      expect(said).toMatch(/^NNRP_ERR_USAGE: ticket: expected what NnrpClientSession.ticket\(\) gives/);
      expect(said).not.toContain(ticket.slice(10, 40));
    }
    expect(await codeOf(other.resumeSession(ticket, { token: 'x' } as never))).toMatch('resume session options');
    expect(session.state).toBe('open');
    expect(server.stats().sessionRefusals?.hits ?? 0).toBe(0);
  });

  it('is shown by no object, event or error', async () => {
    const { server } = await stage.server();
    const { mortal, client } = await stage.mortal(server);
    const session = await client.openSession();
    const shown: string[] = [];
    const look = (value: unknown) => shown.push(inspect(value, { depth: 9, showHidden: false }), JSON.stringify(value));
    const reading = (async () => {
      for await (const event of session.events()) look(event);
    })();
    const ticket = session.ticket();
    const token = Buffer.from(ticket.slice(6), 'base64url').subarray(4 + 120, 4 + 120 + 24);
    mortal.kill();
    const next = await stage.client(server);
    const resumed = await next.resumeSession(ticket);
    look(resumed.session);
    look(next);
    look(client);
    look(session);
    look(await (await stage.client(server)).resumeSession(ticket).catch((error: unknown) => error));
    for (const text of shown)
      for (const secret of [ticket.slice(20, 60), token.toString('hex'), token.toString('base64')])
        expect(text).not.toContain(secret);
    await client.close({ drainTimeoutMs: 0 });
    await reading;
  });
});

const takenFrom = ({ sessionId }: NnrpClientSession) =>
  `session ${sessionId} goes on with another client, which had a ticket for it`;

describe('an operation whose id the application has chosen', () => {
  it('keeps it with the next client, which can name it before anything of it has come', async () => {
    const { server, operation } = await stage.server();
    const { mortal, client } = await stage.mortal(server, { revision: 'preview4' });
    const session = await client.openSession();
    const id = 2n ** 40n + 7n;
    const chosen = await session.submit('chosen', { operationId: id });
    await session.submit('counted');
    const [work, other] = [await operation(1), await operation(2)];
    session.sendFlowUpdate({ operation: chosen, updateReason: UpdateReason.Pause });
    await client.ping();
    const ticket = session.ticket();
    mortal.kill();
    const violations: unknown[] = [];
    server.on('protocolViolation', ({ error }) => violations.push(error));
    const { session: next, operations } = await (await stage.client(server, { revision: 'preview4' })).resumeSession(
      ticket,
    );
    expect([...operations.values()].map((each) => each.id)).toEqual([id, id + 1n]);
    // It was held back, and is not any more.
    await Promise.all([work.push('comes '), work.complete('all')]);
    expect(await rest(operations.get(1))).toBe('comes all');
    operations.get(2)?.cancel();
    await eventually(() => other.isOver, 'the cancel has named it');
    expect(() => next.submitNow('again', { operationId: id })).toThrow(/was used before/);
    expect((await next.submit('next')).id).toBe(id + 2n);
    expect(violations).toEqual([]);
  });
});
