import { afterEach, describe, expect, it } from 'vitest';
import type { PeerErrorReport } from '../../../src/server/contract/server-events.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

describe.each(['preview3', 'preview4'] as const)('an error that a client of %s reports in its session', (revision) => {
  it('is told of by the server, whatever takes the messages of the session, with its text cut at a character', async () => {
    const { server, client, clientSession } = await stage.session({}, {}, { revision });
    const told: PeerErrorReport[] = [];
    const both = new Promise<void>((resolve) => {
      server.on('peerError', (report) => {
        if (told.push(report) === 2) resolve();
      });
    });
    const long = `a${'ж'.repeat(200)}`;
    clientSession.sendError(5, 'the result makes no sense', { frameId: 7 });
    void server.serve({ submit: ({ body }) => body });
    (await client.openSession()).sendError(6, long);
    await both;
    expect(told[0]).toMatchObject({
      sessionId: clientSession.sessionId,
      error: { errorCode: 5, relatedFrameId: 7 },
      diagnostic: 'the result makes no sense',
    });
    expect(told[1]).toMatchObject({ sessionId: clientSession.sessionId + 1, error: { errorCode: 6 } });
    const { diagnostic = '' } = told[1] ?? {};
    expect([long.startsWith(diagnostic), diagnostic.length > 100]).toEqual([true, true]);
    expect(told.map(({ remoteAddress }) => remoteAddress !== '')).toEqual([true, true]);
  });

  it('is told of a thousand times a minute and no more', async () => {
    const { server, client, clientSession } = await stage.session({}, {}, { revision });
    let told = 0;
    server.on('peerError', () => told++);
    for (let count = 0; count < 1500; count++) clientSession.sendError(5, 'again');
    await client.ping();
    expect(told).toBe(1000);
  });
});
