import * as preview3 from 'nnrp-core/preview3';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { NnrpServer } from '../../src/server/server.js';
import { within } from '../../src/testing/within.js';
import { eventually } from '../support/eventually.js';
import { PATIENCE_MS } from '../support/raw-peer.js';
import { Stage } from '../support/stage.js';
import { closeBytes, openAck, openBytes, submitBytes } from '../support/wire-packets.js';

const { MessageType, SessionStatus } = preview3;

export const stage = new Stage();
/** No test of the file may leave a rejection that nobody handles. */
export function noneUnhandled(): void {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);

  beforeAll(() => {
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
  });
  afterEach(async () => {
    await stage.clear();
    // A turn later, because that is when a rejection counts as unhandled.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled.splice(0)).toEqual([]);
  });
  afterAll(() => {
    process.removeListener('unhandledRejection', note);
    process.removeListener('uncaughtException', note);
  });
}

/** The server still serves: a session that is opened now comes out of `accept`. */
export async function expectServing(server: NnrpServer): Promise<void> {
  const peer = await stage.peer(server);
  peer.send(openBytes());
  const { sessionId, sessionStatus } = openAck(await peer.next());
  expect(sessionStatus).toBe(SessionStatus.Opened);
  const session = await within(server.accept(), PATIENCE_MS, 'accept()');
  expect(session.sessionId).toBe(sessionId);
  peer.send(submitBytes(sessionId, 1));
  await session.receiveSubmit();
  await session.sendResult(1, {});
  expect((await peer.next()).messageType).toBe(MessageType.ResultPush);
  peer.send(closeBytes(sessionId, 1n));
  await session.ackClose(await session.receiveClose());
  peer.destroy();
}

export const gone = (server: NnrpServer) =>
  eventually(() => server.connectionCount === 0 && server.sessionCount === 0, 'every connection and session is gone');
