import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import { eventually } from '../../support/eventually.js';
import { RecoveryServer } from './recovery-server.js';

const { MessageType } = preview3;
const OBJECT = { namespace: 1, key: 1n, kind: preview3.CacheObjectKind.PromptSegment };

afterEach(() => RecoveryServer.clear());

/** A client that is away, and closes one of its two sessions there. */
async function closedWhileAway(closeTimeoutMs: number) {
  const server = await RecoveryServer.start();
  const { client, session } = await server.session({ reconnectBackoffMs: 10, closeTimeoutMs });
  const other = await client.openSession();
  server.isUnreachable = true;
  const suspended = new Promise((resolve) => client.once('suspended', resolve));
  server.cut();
  await suspended;
  session.putObject(OBJECT, 'of the old one').catch(() => {});
  return { server, client, other, closing: session.close() };
}

/** What has come for a session on the newest connection, except what opens it. */
function said(server: RecoveryServer, { sessionId }: NnrpClientSession): number[] {
  return server.link.packets.filter((packet) => packet.sessionId === sessionId).map(({ messageType }) => messageType);
}

describe('what a session has said last, which is closed while its client is away', () => {
  it('is not sent when the server knows nothing of it any more', async () => {
    const { server, client, closing } = await closedWhileAway(5000);
    server.giveUp([...server.sessions.values()]);
    const opening = client.openSession();
    server.isUnreachable = false;
    const next = await opening;
    // The id of the one that was closed is that of the next one.
    expect(next.sessionId).toBe(1);
    await closing.catch(() => {});
    const operation = await next.submit('new');
    await eventually(() => server.submits(server.known(next)).length === 1, 'the submit has come');
    expect(said(server, next)).toEqual([MessageType.FrameSubmit]);
    server.result(server.known(next), operation.frameId, 'goes on');
    expect((await operation.result()).text()).toBe('goes on');
  });

  it('is not sent when it was given up before the client was back', async () => {
    const { server, client, other, closing } = await closedWhileAway(50);
    await expect(closing).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    server.isUnreachable = false;
    await server.back(server.known(other), 2);
    await client.ping();
    expect(server.link.packets.filter(({ sessionId }) => sessionId === 1)).toEqual([]);
  });
});
