import type { PeerError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import { HandlerError } from '../../../src/server/failures/handler-error.js';
import type { NnrpServer } from '../../../src/server/server.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';
import type { RawPeer } from '../../support/raw-peer.js';
import { announcedOpenBytes } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openAck, openBytes } from '../../support/wire-packets.js';

const { MessageType, SessionErrorCode } = preview3;
const stage = new Stage();
afterEach(() => stage.clear());

/** The server knows of the peer. QUIC shows it with the first bytes only. */
async function arrived(server: NnrpServer, count: number): Promise<void> {
  await eventually(() => server.connectionCount === count, `${count} have come`);
}

/** Tries again until it comes about: a client has to, when it is refused for now. */
async function inTime(attempt: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!(await attempt())) if (performance.now() > untilMs) throw new Error('nobody got in');
}

function echoing(server: NnrpServer): NnrpServer {
  void server.serve({ submit: ({ body }) => body });
  return server;
}

async function answered(session: NnrpClientSession): Promise<string> {
  return Buffer.from((await (await session.submit('still here')).result()).body).toString();
}

async function isGone(peer: RawPeer): Promise<boolean> {
  return peer.next().then(
    () => false,
    () => true,
  );
}

describe('connections without a session', () => {
  it('make room for newcomers, the oldest first, and cost those with a session nothing', async () => {
    const server = echoing(await stage.serve({ maxUnopenedConnections: 3, maxUnopenedPerAddress: 0 }));
    const client = await stage.connect(server);
    const session = await client.openSession();
    const peers: RawPeer[] = [];
    for (let count = 1; count <= 5; count++) {
      peers.push(await stage.peer(server));
      await eventually(() => (server.stats().unopenedConnections?.value ?? 0) === Math.min(3, count), 'it is known');
      await eventually(
        () => (server.stats().unopenedConnections?.hits ?? 0) === Math.max(0, count - 3),
        'one has gone',
      );
    }
    expect(await Promise.all(peers.slice(0, 2).map(isGone))).toEqual([true, true]);
    for (const peer of peers.slice(2)) {
      peer.send(openBytes());
      expect((await peer.next()).messageType).toBe(MessageType.SessionOpenAck);
    }
    expect(server.stats().unopenedConnections).toMatchObject({ scope: 'server', value: 0, bound: 3, hits: 2 });
    expect(await answered(session)).toBe('still here');
  });

  it.runIf(carrier.hasAddresses)('are bounded per address, too', async () => {
    const server = await stage.serve({ maxUnopenedPerAddress: 2 });
    const peers: RawPeer[] = [];
    for (let count = 1; count <= 4; count++) {
      peers.push(await stage.peer(server));
      await eventually(() => (server.stats().addressUnopened?.hits ?? 0) === Math.max(0, count - 2), 'it is known');
      await eventually(() => (server.stats().addressUnopened?.value ?? 0) === Math.min(2, count), 'it is counted');
    }
    expect(await Promise.all(peers.slice(0, 2).map(isGone))).toEqual([true, true]);
    expect(server.stats().addressUnopened).toMatchObject({ scope: 'address', value: 2, bound: 2, hits: 2 });
    const client = await stage.connect(server);
    await client.openSession();
  });

  it('are those again whose last session has ended', async () => {
    const server = echoing(await stage.serve());
    const client = await stage.connect(server);
    const session = await client.openSession();
    expect(server.stats().unopenedConnections?.value).toBe(0);
    await session.close();
    await eventually(() => server.stats().unopenedConnections?.value === 1, 'it is counted again');
    await client.openSession();
    expect(server.stats().unopenedConnections?.value).toBe(0);
  });

  it('have half the time where more than half of the places are taken', async () => {
    const server = await stage.serve({ maxUnopenedConnections: 2, handshakeTimeoutMs: 4000 });
    const lost: string[] = [];
    server.on('connectionLost', ({ error }) => lost.push(error.message));
    for (let count = 1; count <= 2; count++) {
      await stage.peer(server);
      await arrived(server, count);
    }
    await eventually(() => lost.length === 2, 'both are gone');
    expect(lost.map((text) => /no session within (\d+) ms/.exec(text)?.[1])).toEqual(['2000', '4000']);
  });
});

describe('a full server', () => {
  async function full(): Promise<NnrpServer> {
    const server = await stage.serve({ maxConnections: 1 });
    await (await stage.connect(server)).openSession();
    return server;
  }

  it('tells its clients so, and they may try again', async () => {
    const server = await full();
    for (let tries = 1; tries <= 3; tries++) {
      const client = await stage.connect(server);
      const error = await client.openSession().catch((failure: PeerError) => failure);
      expect(error).toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED', isRetryable: true });
      expect((error as PeerError).message).toContain('as many connections as may be: maxConnections is 1');
      await client.closed;
    }
    await arrived(server, 1);
    expect(server.stats().connections).toMatchObject({ bound: 1, hits: 3 });
  });

  it('says nothing to reference clients: they see what they always saw', async () => {
    const server = await full();
    const peer = await stage.peer(server);
    peer.send(openBytes());
    expect(await isGone(peer)).toBe(true);
  });

  it('has room again for who comes when somebody goes', async () => {
    const server = await stage.serve({ maxConnections: 1 });
    void server.serve(() => 'never asked for');
    const first = await stage.connect(server);
    await first.openSession();
    await first.close();
    await arrived(server, 0);
    await (await stage.connect(server)).openSession();
  });

  it('takes the place of a stranger who has had a second', async () => {
    const server = await stage.serve({ maxConnections: 1 });
    const stranger = await stage.peer(server);
    await arrived(server, 1);
    await inTime(async () => {
      const client = await stage.connect(server);
      return client.openSession().then(
        () => true,
        () => false,
      );
    });
    expect(await isGone(stranger)).toBe(true);
  });
});

describe('guesses at a token', () => {
  const guarded: NnrpServerOptions = {
    applicationPolicy: {
      validateSessionOpen: (_open, { auth }) =>
        Buffer.from(auth).toString() === 'secret' ? undefined : SessionErrorCode.AuthFailed,
    },
  };
  const open = (client: Awaited<ReturnType<Stage['connect']>>, auth: string) =>
    client.openSession({ auth: new TextEncoder().encode(auth) });

  it.runIf(carrier.hasAddresses)(
    'are answered ever later, then the address is shut out for a while, then it may try again',
    async () => {
      const server = await stage.serve({ ...guarded, refusalsPerAddress: 8, refusalPauseMs: 1500 });
      const answeredMs: number[] = [];
      const beganMs = performance.now();
      for (let guess = 1; guess <= 4; guess++) {
        const client = await stage.connect(server);
        const askedMs = performance.now();
        await expect(open(client, 'guess')).rejects.toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED' });
        answeredMs.push(performance.now() - askedMs);
        await client.close();
      }
      // 8 allowed, 2 of them at once; some is forgotten on the way.
      expect(answeredMs[3]).toBeGreaterThan(90);
      const guesser = await stage.connect(server);
      const guesses = Array.from({ length: 8 }, () => open(guesser, 'guess').catch((error: Error) => error));
      await Promise.all(guesses);
      await guesser.closed;
      expect(server.stats().addressRefusals?.hits).toBeGreaterThan(2);
      expect(performance.now() - beganMs).toBeGreaterThan(1000);
      await inTime(async () => {
        const client = await stage.connect(server).catch(() => undefined);
        return client !== undefined && (await open(client, 'secret').then(Boolean, () => false));
      });
    },
    40_000,
  );

  it('cost those nothing who have a session, and honest ones of the address no time', async () => {
    const server = echoing(await stage.serve({ ...guarded, refusalsPerAddress: 50 }));
    const honest = await stage.connect(server);
    const session = await open(honest, 'secret');
    const guesser = await stage.connect(server);
    for (let guess = 0; guess < 12; guess++) await open(guesser, 'guess').catch(() => {});
    const askedMs = performance.now();
    await open(await stage.connect(server), 'secret');
    expect(performance.now() - askedMs).toBeLessThan(1500);
    expect(await answered(session)).toBe('still here');
  });

  it.runIf(carrier.hasAddresses)('that come faster than they are answered cost the connection', async () => {
    const server = await stage.serve(guarded);
    const peer = await stage.peer(server);
    for (let guess = 0; guess < 200; guess++) peer.send(announcedOpenBytes());
    let answers = 0;
    for (;;) {
      const packet = await peer.next().catch(() => undefined);
      if (packet === undefined) break;
      if (packet.messageType === MessageType.SessionOpenAck) answers++;
    }
    expect(answers).toBeLessThan(20);
  });

  it('are answered to reference clients as ever, only later', async () => {
    const server = await stage.serve({ ...guarded, refusalsPerAddress: 10 });
    for (let guess = 0; guess < 5; guess++) {
      const peer = await stage.peer(server);
      peer.send(openBytes());
      const ack = openAck(await peer.next());
      expect(ack.sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
      peer.destroy();
    }
  });

  it.each([
    ['a limit', () => SessionErrorCode.SessionLimitReached],
    ['a code of its own', () => 0x8000_0001],
    [
      'something that passes',
      () => {
        throw new HandlerError('later', 'not now', { retryable: true });
      },
    ],
    [
      'a defect',
      () => {
        throw new Error('broken');
      },
    ],
  ])('are none when the policy refuses because of %s', async (_what, validateSessionOpen) => {
    const server = await stage.serve({ applicationPolicy: { validateSessionOpen }, refusalsPerAddress: 5 });
    const client = await stage.connect(server);
    for (let count = 0; count < 20; count++) await expect(client.openSession()).rejects.toThrow();
    expect(server.stats().addressRefusals).toMatchObject({ value: 0, bound: 5, hits: 0 });
  });
});
