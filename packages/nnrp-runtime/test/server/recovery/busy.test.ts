import { SessionStatus } from 'nnrp-core/preview3';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer, resumableOpenBytes } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';
import { openAck } from '../../support/wire-packets.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** Keeps the process busy, as a computation does that leaves no room for anything else. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

it('a server that was busy until a window was over takes back a client that had come in time', async () => {
  const server = await stage.serve({ resumeWindowMs: 800 });
  const peer = await ResumablePeer.open(stage, server);
  const session = await server.accept();
  const next = await stage.peer(server);
  peer.lose();
  await eventually(() => server.suspendedCount === 1, 'the session waits');
  const { sessionId, token, received } = peer;
  next.send(resumableOpenBytes({ sessionId, token, received }));
  block(1500);
  expect(openAck(await next.next())).toMatchObject({ sessionStatus: SessionStatus.Resumed, sessionErrorCode: 0 });
  expect(session.state).toBe('resumed');
});
