import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { SessionRefused } from '../../../src/server/contract/server-events.js';
import { described } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { announcedOpenBytes, SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openAck, packetBytes, submitBytes } from '../../support/wire-packets.js';

const { MessageType, SessionErrorCode } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

/** A policy that answers when the test does: at once for session 1, later for all others. */
class SlowPolicy {
  readonly asked: number[] = [];
  private readonly waiting = new Map<number, (code: number | undefined) => void>();

  readonly config: NnrpServerOptions = {
    applicationPolicy: {
      validateSessionOpen: ({ requestedSessionId }) => {
        this.asked.push(requestedSessionId);
        if (requestedSessionId === 1) return undefined;
        return new Promise((resolve) => this.waiting.set(requestedSessionId, resolve));
      },
    },
  };

  async answer(sessionId: number, code?: number): Promise<void> {
    await eventually(() => this.waiting.has(sessionId), `the policy is asked about session ${sessionId}`);
    this.waiting.get(sessionId)?.(code);
  }
}

describe('while a policy is being asked', () => {
  it('the other sessions of the connection are served', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve(policy.config);
    const first = await SessionPeer.open(stage, server, { requestedSessionId: 1 });
    const session = await server.accept();
    first.raw.send(announcedOpenBytes({ requestedSessionId: 2 }));
    await eventually(() => policy.asked.includes(2), 'the policy is asked');
    first.submit(1, 'meanwhile');
    await (await session.receiveSubmit()).complete('served');
    expect(await first.next()).toBe('result 1 served');
    await policy.answer(2);
    expect(await first.next()).toBe('opened 2');
  });

  it('other connections are served, and may open sessions', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve(policy.config);
    const slow = await stage.peer(server);
    slow.send(announcedOpenBytes({ requestedSessionId: 2 }));
    await eventually(() => policy.asked.includes(2), 'the policy is asked');
    const other = await SessionPeer.open(stage, server, { requestedSessionId: 1 });
    other.submit(1);
    expect((await (await server.accept()).receiveSubmit()).frameId).toBe(1);
    await policy.answer(2);
    expect(described(await slow.next())).toBe('opened 2');
  });

  it('opens that follow are answered in their order, whatever the order of the decisions', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve(policy.config);
    const peer = await stage.peer(server);
    for (const requestedSessionId of [2, 3, 1, 4]) peer.send(announcedOpenBytes({ requestedSessionId }));
    await policy.answer(2);
    await policy.answer(3, 99);
    await policy.answer(4);
    const said: string[] = [];
    for (let count = 0; count < 4; count++) said.push(described(await peer.next()));
    expect(said).toEqual(['opened 2', 'refused 99', 'opened 1', 'opened 4']);
    expect(policy.asked).toEqual([2, 3, 1, 4]);
  });

  it('others are asked meanwhile: they decide side by side', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve(policy.config);
    const peer = await stage.peer(server);
    for (const requestedSessionId of [2, 3, 4]) peer.send(announcedOpenBytes({ requestedSessionId }));
    await eventually(() => policy.asked.length === 3, 'all are asked');
    for (const id of [4, 3, 2]) await policy.answer(id);
    const said: string[] = [];
    for (let count = 0; count < 3; count++) said.push(described(await peer.next()));
    expect(said).toEqual(['opened 2', 'opened 3', 'opened 4']);
  });

  it('what belongs to the session in question waits, in its order, and is served if it is granted', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve(policy.config);
    const peer = await stage.peer(server);
    peer.send(announcedOpenBytes({ requestedSessionId: 2 }), submitBytes(2, 1, 'a'), submitBytes(2, 2, 'b'));
    await policy.answer(2);
    const session = await server.accept();
    const bodies = [await session.receiveSubmit(), await session.receiveSubmit()].map(({ body }) => body);
    expect(bodies.map((body) => new TextDecoder().decode(body))).toEqual(['a', 'b']);
    expect(described(await peer.next())).toBe('opened 2');
  });

  it('what belongs to a session that is refused then is that of a stranger', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve(policy.config);
    const peer = await stage.peer(server);
    peer.send(announcedOpenBytes({ requestedSessionId: 2 }), submitBytes(2, 1));
    await policy.answer(2, SessionErrorCode.PriorityRejected);
    expect(described(await peer.next())).toBe('refused priority_rejected');
    expect(described(await peer.next())).toBe('error connection 0 invalid_state');
    await peer.closed();
  });

  it('a peer that goes on sending is not read any more, so that what waits is bounded', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve({ ...policy.config, maxInFlightOperations: 0, maxQueuedSubmits: 100_000 });
    const peer = await stage.peer(server);
    peer.send(announcedOpenBytes({ requestedSessionId: 2, maxInFlightOperations: 0 }));
    await eventually(() => policy.asked.includes(2), 'the policy is asked');
    const body = new Uint8Array(32 * 1024);
    const count = 1000;
    for (let frameId = 1; frameId <= count; frameId++) peer.send(submitBytes(2, frameId, body));
    await stage.turns(2000);
    expect(peer.socket.writableLength).toBeGreaterThan(1024 * 1024);
    await policy.answer(2);
    const session = await server.accept();
    for (let frameId = 1; frameId <= count; frameId++) expect((await session.receiveSubmit()).frameId).toBe(frameId);
  });

  it('several may ask for one id: it is granted once, however close the decisions are', async () => {
    const ids: number[] = [];
    const server = await stage.serve({
      applicationPolicy: {
        validateSessionOpen: async ({ requestedSessionId }) => {
          ids.push(requestedSessionId);
          while (ids.length < 20) await stage.turns(1);
          return undefined;
        },
      },
    });
    const said = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const peer = await stage.peer(server);
        peer.send(announcedOpenBytes({ requestedSessionId: 9 }));
        return described(await peer.next());
      }),
    );
    expect(said.filter((line) => line === 'opened 9')).toHaveLength(1);
    expect(said.filter((line) => line === 'refused session_limit_reached')).toHaveLength(19);
  });

  it('its connection may vanish: the late answer opens nothing', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve(policy.config);
    const peer = await stage.peer(server);
    peer.send(announcedOpenBytes({ requestedSessionId: 2 }));
    await eventually(() => policy.asked.includes(2), 'the policy is asked');
    peer.destroy();
    await eventually(() => server.connectionCount === 0, 'the connection is gone');
    await policy.answer(2);
    await stage.turns(5);
    expect(server.sessionCount).toBe(0);
  });
});

describe('a policy that never answers', () => {
  it('refuses with auth_failed after policyTimeoutMs; the sessions of the connection live on', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve({ ...policy.config, policyTimeoutMs: 40 });
    const refusals: SessionRefused[] = [];
    server.on('sessionRefused', (refusal) => refusals.push(refusal));
    const peer = await SessionPeer.open(stage, server, { requestedSessionId: 1 });
    peer.raw.send(announcedOpenBytes({ requestedSessionId: 2 }), announcedOpenBytes({ requestedSessionId: 3 }));
    expect(openAck(await peer.packet()).sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
    expect(openAck(await peer.packet()).sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
    expect(refusals.map(({ cause }) => String(cause))).toEqual([
      expect.stringMatching(/policyTimeoutMs/),
      expect.stringMatching(/policyTimeoutMs/),
    ]);
    await policy.answer(2);
    expect(await peer.answers()).toEqual([]);
    expect(server.sessionCount).toBe(1);
  });

  it('has no longer than the handshake, unless it is given a time of its own', async () => {
    const policy = new SlowPolicy();
    const server = await stage.serve({ ...policy.config, handshakeTimeoutMs: 40 });
    const peer = await stage.peer(server);
    peer.send(announcedOpenBytes({ requestedSessionId: 2 }));
    expect(openAck(await peer.next()).sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
    const own = await stage.serve({ ...policy.config, handshakeTimeoutMs: 40, policyTimeoutMs: 50 });
    expect([server.config.policyTimeoutMs, own.config.policyTimeoutMs]).toEqual([40, 50]);
  });
});

it('PING and PONG need no decision: they are answered while a policy is asked', async () => {
  const policy = new SlowPolicy();
  const server = await stage.serve(policy.config);
  const peer = await stage.peer(server);
  peer.send(announcedOpenBytes({ requestedSessionId: 2 }), packetBytes(MessageType.Ping));
  expect(described(await peer.next())).toBe('pong');
});
