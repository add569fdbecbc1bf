import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { OperationContext } from '../../../src/server/contract/contract.js';
import type { SessionGrant } from '../../../src/server/contract/policy.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { SessionRefused } from '../../../src/server/contract/server-events.js';
import { described } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { announcedOpenBytes, SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openAck, openBytes } from '../../support/wire-packets.js';

const { SessionErrorCode, SessionFlags, SessionFlagsAck, SessionPriorityClass } = preview3;
const { Background, Balanced, Interactive } = SessionPriorityClass;

const stage = new Stage();
afterEach(() => stage.clear());

describe('under contention', () => {
  it('frames of interactive sessions begin first, those of background sessions last, the oldest of a class first', async () => {
    const server = await stage.serve({ maxInFlightOperations: 0 });
    const started: string[] = [];
    let first: OperationContext | undefined;
    void server.serve(
      {
        submit: (operation) => {
          started.push(new TextDecoder().decode(operation.body));
          if (first !== undefined) return 'x';
          first = operation;
          return operation.finished;
        },
      },
      { maxConcurrentOperations: 1 },
    );
    const peers: SessionPeer[] = [];
    for (const priorityClass of [Background, Balanced, Interactive]) {
      peers.push(await SessionPeer.open(stage, server, { priorityClass, maxInFlightOperations: 0 }));
    }
    const [background, balanced, interactive] = peers as [SessionPeer, SessionPeer, SessionPeer];
    background.submit(1, 'running');
    await eventually(() => started.length === 1, 'the first handler runs');
    for (const peer of [background, balanced, interactive]) {
      peer.submit(2, `${peer.ack.acceptedPriorityClass}a`);
      peer.submit(3, `${peer.ack.acceptedPriorityClass}b`);
      expect(await peer.answers()).toEqual([]);
    }
    await first?.complete('x');
    expect(await interactive.take(2)).toEqual(['result 2 x', 'result 3 x']);
    expect(await background.take(3)).toEqual(['result 1 x', 'result 2 x', 'result 3 x']);
    expect(started).toEqual(['running', '0a', '0b', '1a', '1b', '2a', '2b']);
  });

  it('results of interactive sessions leave before those of background sessions that have waited longer', async () => {
    const server = await stage.serve({ highWaterBytes: 16 * 1024, maxInFlightOperations: 0 });
    const background = await SessionPeer.open(stage, server, { priorityClass: Background });
    const slow = await server.accept();
    const interactive = await SessionPeer.openOn(background.raw, { priorityClass: Interactive });
    const fast = await server.accept();
    const { raw } = background;
    background.submit(1);
    interactive.submit(1);
    const bulk = await slow.receiveSubmit();
    const urgent = await fast.receiveSubmit();
    raw.socket.pause();
    // Fills the network first, then the outbox: the pushes do not wait for room.
    let sent = 0;
    const body = new Uint8Array(256 * 1024);
    let room: Promise<void> | undefined;
    while (room === undefined) {
      const pushed = bulk.push(body);
      sent++;
      const full = await Promise.race([pushed.then(() => false), stage.turns(200).then(() => true)]);
      if (full) room = pushed;
    }
    for (let count = 0; count < 4; count++, sent++) void bulk.push(body);
    void bulk.complete('bulk');
    void urgent.complete('urgent');
    raw.socket.resume();
    const order: number[] = [];
    for (;;) {
      const packet = await raw.next();
      if (described(packet).startsWith('flow')) continue;
      order.push(packet.sessionId);
      if (described(packet) === 'result 1 bulk') break;
    }
    expect(order).toHaveLength(sent + 2);
    const urgentAt = order.indexOf(interactive.sessionId);
    // Behind what the network had taken, before what waited.
    expect(urgentAt).toBeGreaterThan(0);
    expect(order.length - 1 - urgentAt).toBeGreaterThanOrEqual(5);
  });
});

describe('a policy', () => {
  const policy = (answer: SessionGrant | number | undefined): NnrpServerOptions => ({
    applicationPolicy: { validateSessionOpen: () => answer },
  });

  it('may lower the priority of a session, which the acknowledgement shows', async () => {
    const server = await stage.serve(policy({ priorityClass: Background }));
    const lowered = await SessionPeer.open(stage, server, { priorityClass: Interactive });
    expect(lowered.ack).toMatchObject({
      acceptedPriorityClass: Background,
      sessionFlagsAck: SessionFlagsAck.PriorityDowngraded,
    });
    const asWished = await SessionPeer.open(stage, server, { priorityClass: Background });
    expect(asWished.ack).toMatchObject({ acceptedPriorityClass: Background, sessionFlagsAck: 0 });
  });

  it.each([Interactive, 3, -1, '2', 1.5])('cannot raise it, nor invent a class: %s', async (priorityClass) => {
    const server = await stage.serve(policy({ priorityClass: priorityClass as never }));
    const refusals: SessionRefused[] = [];
    server.on('sessionRefused', (refusal) => refusals.push(refusal));
    const peer = await stage.peer(server);
    peer.send(openBytes({ priorityClass: Balanced }));
    expect(openAck(await peer.next()).sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
    await eventually(() => refusals.length === 1, 'the refusal is reported');
    expect(refusals[0]?.cause).toMatchObject({ code: 'NNRP_ERR_USAGE' });
    expect(server.sessionCount).toBe(0);
  });
});

describe('flags of a session', () => {
  const ALL = SessionFlags.AllowBackgroundResults | SessionFlags.AllowCacheLeases | SessionFlags.AllowSchemaOverride;
  const cases: [keyof NnrpServerOptions, number, number][] = [
    ['backgroundResults', SessionFlags.AllowBackgroundResults, SessionFlagsAck.BackgroundResultsEnabled],
    ['cacheLeases', SessionFlags.AllowCacheLeases, SessionFlagsAck.CacheLeasesEnabled],
    ['schemaOverride', SessionFlags.AllowSchemaOverride, SessionFlagsAck.SchemaOverrideEnabled],
  ];

  it('are not confirmed unless they are switched on', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server, { sessionFlags: ALL });
    expect(peer.ack.sessionFlagsAck).toBe(0);
  });

  it.each(cases)('are confirmed one by one where they are: %s', async (option, wish, confirmed) => {
    const server = await stage.serve({ [option]: true });
    const all = await SessionPeer.open(stage, server, { sessionFlags: ALL });
    const one = await SessionPeer.open(stage, server, { sessionFlags: wish });
    const none = await SessionPeer.open(stage, server);
    expect([all, one, none].map(({ ack }) => ack.sessionFlagsAck)).toEqual([confirmed, confirmed, 0]);
  });

  it('that nobody knows cost the connection', async () => {
    const server = await stage.serve();
    const peer = await stage.peer(server);
    const open = announcedOpenBytes({ requestedSessionId: 1 });
    open[40 + preview3.SESSION_OPEN_OFFSETS.sessionFlags] = 0x10;
    peer.send(open);
    expect(described(await peer.next())).toBe('error connection 0 malformed_body');
    await peer.closed();
    expect(server.sessionCount).toBe(0);
  });
});
