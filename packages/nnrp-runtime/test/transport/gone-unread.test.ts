import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import type { ConnectionLost } from '../../src/server/contract/server-events.js';
import { within } from '../../src/testing/within.js';
import { eventually } from '../support/eventually.js';
import { PATIENCE_MS } from '../support/raw-peer.js';
import { SessionPeer } from '../support/session-peer.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

it('a client that is gone is lost by the second sign of life, although its packets are not read', async () => {
  const server = await stage.serve({ keepAliveMs: 20 });
  const lost = once(server, 'connectionLost');
  const peer = await SessionPeer.open(stage, server);
  const session = await server.accept();
  // Reading stops when 64 of them have no answer.
  for (let count = 0; count < 70; count++) peer.patch();
  await eventually(() => (server.stats().unansweredRequests?.value ?? 0) >= 64, 'the server reads no more');
  peer.raw.socket.destroy();
  const [loss] = (await within(lost, PATIENCE_MS, 'a lost connection')) as [ConnectionLost];
  expect(loss.error.rawMessage).toMatch(/: the connection broke: /);
  expect(session.state).not.toBe('open');
});
