import type { Socket } from 'node:net';
import { setTimeout as passing } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { FramedTransport } from '../../src/transport/contract/contract.js';
import { eventually } from '../support/eventually.js';
import { MovingStage, readCount, streaming, unmoved } from './moving-stage.js';

let stage = new MovingStage();
afterEach(async () => {
  await stage.clear();
  stage = new MovingStage();
});

describe('a move during which', () => {
  it('the old connection is lost before the new one is there is given up; the sessions are resumed as ever', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    let late: (transport: FramedTransport) => void = () => {};
    let aborted: AbortSignal | undefined;
    const moving = streams.client.migrate({
      kind: 'own',
      connect: (signal) => {
        aborted = signal;
        return new Promise((resolve) => {
          late = resolve;
        });
      },
    });
    await passing(20);
    streams.sockets[0]?.resetAndDestroy();
    await expect(moving).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
      rawMessage: 'migrate: no connection came about: the connection was lost meanwhile',
    });
    expect(aborted?.aborted).toBe(true);
    late(await place.tcp.connect());
    await eventually(() => streams.heard.includes('resumed'), 'it is back');
    await eventually(() => place.server.connectionCount === 1, 'what came too late is gone');
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
    expect(streams.heard).toEqual(['suspended', 'resumed']);
  });

  it('the old connection is lost while the server thinks succeeds all the same', async () => {
    let letGo: (yes: boolean) => void = () => {};
    const place = await stage.serve({
      authorize: (_open, { resumes }) =>
        resumes === undefined ||
        new Promise<boolean>((resolve) => {
          letGo = resolve;
        }),
    });
    const streams = await streaming(stage, place);
    const moving = streams.client.migrate(place.tls);
    await eventually(() => place.server.connectionCount === 2, 'the new connection is there');
    await passing(30);
    streams.sockets[0]?.resetAndDestroy();
    await passing(30);
    letGo(true);
    expect(await moving).toMatchObject({ sessions: 1, to: { remoteAddress: place.address(1) } });
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
    expect(streams.heard).toEqual(['migrated']);
  });

  it('the new connection is lost when one session has gone there goes on by another such connection', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    const others = await Promise.all([1, 2, 3].map(() => streams.client.openSession()));
    const more = await Promise.all(others.map((session, index) => session.submit(`other ${index}`)));
    const reading = [...streams.reading, ...more.map(readCount)];
    const sockets: Socket[] = [];
    let resumed = 0;
    // The others are asked for when the client has heard of the first.
    place.server.on('sessionResumed', () => {
      if (++resumed === 2) sockets[0]?.resetAndDestroy();
    });
    const report = await streams.client.migrate(place.own('own', (socket) => sockets.push(socket)));
    expect([report.sessions, sockets.length]).toEqual([4, 2]);
    stage.isGoing = false;
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']));
    expect(streams.heard).toEqual(['migrated']);
    expect([...stage.ledger.handled.values()]).toEqual([1, 1, 1, 1, 1]);
  });

  it('the new connection is lost together with the answer fails; the sessions are resumed where they were', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    const sockets: Socket[] = [];
    place.server.once('sessionResumed', () => sockets[0]?.resetAndDestroy());
    await expect(streams.client.migrate(place.own('own', (socket) => sockets.push(socket)))).rejects.toMatchObject({
      code: 'NNRP_ERR_TRANSPORT',
    });
    await eventually(() => streams.heard.includes('resumed'), 'it is back');
    expect([streams.sockets.length, sockets.length]).toEqual([2, 1]);
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
    expect([...stage.ledger.handled.values()]).toEqual([1, 1]);
  });

  it('another one is asked for refuses that one alone', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    const moving = streams.client.migrate(place.tls);
    await expect(streams.client.migrate(place.tcp)).rejects.toMatchObject({
      code: 'NNRP_ERR_USAGE',
      rawMessage: 'migrate: nothing was begun: a migration is under way already',
    });
    await moving;
    expect(streams.client.remoteAddress).toBe(place.address(1));
    stage.isGoing = false;
    expect(await Promise.all(streams.reading)).toEqual(['whole', 'whole']);
  });

  it('the client is closed is given up, at every step', async () => {
    for (const step of ['connect', 'resume'] as const) {
      let asked = false;
      const place = await stage.serve({
        authorize: (_open, { resumes }) => {
          if (resumes === undefined) return true;
          asked = true;
          return new Promise<boolean>(() => {});
        },
      });
      const streams = await streaming(stage, place, { closeTimeoutMs: 25_000 });
      const never = {
        kind: 'own',
        connect: () => {
          asked = true;
          return new Promise<never>(() => {});
        },
      };
      const moving = streams.client.migrate(step === 'connect' ? never : place.tls);
      moving.catch(() => {});
      await eventually(() => asked, `step ${step} has come`);
      const ended = Promise.allSettled(streams.reading);
      const startMs = performance.now();
      await streams.client.close({ drainTimeoutMs: 0 });
      await expect(moving).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
      await ended;
      // The server's answers are read: nothing had to be given up for want of them.
      expect(performance.now() - startMs).toBeLessThan(10_000);
      await eventually(() => place.server.connectionCount === 0, 'no connection is left');
      expect(streams.heard).toEqual(['closed']);
    }
  });

  it('the signal aborts is given up with its reason, and everything stays where it was', async () => {
    const place = await stage.serve();
    const streams = await streaming(stage, place);
    const reason = new Error('another idea');
    await expect(streams.client.migrate(place.tls, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const moving = streams.client.migrate(
      { kind: 'own', connect: () => new Promise(() => {}) },
      { signal: abort.signal },
    );
    await passing(5);
    abort.abort(reason);
    await expect(moving).rejects.toBe(reason);
    await unmoved(stage, streams, place);
  });
});
