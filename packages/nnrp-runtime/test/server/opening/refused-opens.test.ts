import type { PeerError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { REFUSAL_EXTENSION } from '../../../src/connection/errors/open-refusal.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { SessionRefused } from '../../../src/server/contract/server-events.js';
import { HandlerError } from '../../../src/server/failures/handler-error.js';
import { ScriptedServer } from '../../support/scripted-server.js';
import { announcedOpenBytes } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openAck, openBytes } from '../../support/wire-packets.js';

const { MessageType, PeerMessages, SessionErrorCode, SessionStatus } = preview3;
const stage = new Stage();
afterEach(async () => {
  await ScriptedServer.clear();
  await stage.clear();
});

const failing = (thrown: unknown, exposeHandlerErrors = false): NnrpServerOptions => ({
  exposeHandlerErrors,
  applicationPolicy: { validateSessionOpen: () => Promise.reject(thrown) },
});

async function refusalBy(config: NnrpServerOptions): Promise<{ error: PeerError; refusals: SessionRefused[] }> {
  const { server, client } = await stage.pair(config);
  const refusals: SessionRefused[] = [];
  server.on('sessionRefused', (refusal) => refusals.push(refusal));
  const error = await client.openSession().then(
    () => expect.unreachable(),
    (failure: unknown) => failure as PeerError,
  );
  return { error, refusals };
}

/** How an open fails when the acknowledgement has this block. */
async function refusalWith(payload: string, type = REFUSAL_EXTENSION): Promise<PeerError> {
  const server = await ScriptedServer.start();
  const opened = server.client.openSession();
  opened.catch(() => {});
  await server.expect(MessageType.SessionOpen);
  const entry = { type, critical: false, payload: new TextEncoder().encode(payload) };
  const block = preview3.encodeControlExtensions([entry]);
  const ack = { sessionStatus: SessionStatus.Rejected, sessionErrorCode: SessionErrorCode.AuthFailed };
  server.openAck(0, { ...ack, sessionExtensionBytes: block.length }, block);
  return opened.then(
    () => expect.unreachable(),
    (failure: unknown) => failure as PeerError,
  );
}

describe('a policy that fails', () => {
  it('with a HandlerError has it told exactly, and reported as before', async () => {
    const thrown = new HandlerError('quota', 'quota gone', {
      retryAfterMs: 900,
      details: { left: 0 },
      retryable: false,
    });
    const { error, refusals } = await refusalBy(failing(thrown));
    const { code, rawMessage, retryAfterMs, isRetryable, details, wireCode } = error;
    expect({ code, rawMessage, retryAfterMs, isRetryable, details, wireCode }).toEqual({
      code: 'quota',
      rawMessage: 'quota gone',
      retryAfterMs: 900,
      isRetryable: false,
      details: { left: 0 },
      wireCode: SessionErrorCode.AuthFailed,
    });
    expect(refusals.map(({ cause, errorCode }) => [cause, errorCode])).toEqual([[thrown, SessionErrorCode.AuthFailed]]);
  });

  it('says what it has thrown where the server exposes it, as far as there is room', async () => {
    const { error } = await refusalBy(failing(new Error('db down'), true));
    expect(error.rawMessage).toMatch(/: the server's policy failed: db down$/);
    const { error: long } = await refusalBy(failing(new Error('ж'.repeat(20_000)), true));
    expect(long.rawMessage).toMatch(/: the server's policy failed: ж{10,}$/);
  });

  it('with an answer that is none will do so again', async () => {
    const { error } = await refusalBy({ applicationPolicy: { validateSessionOpen: () => 'no' as never } });
    expect(error.rawMessage).toMatch(/: the server's policy gave an answer that is none$/);
    expect(error.isRetryable).toBe(false);
  });
});

describe('a refusal on the wire', () => {
  it('has no body for who does not understand details, whatever the reason', async () => {
    const server = await stage.serve(failing(new HandlerError('quota', 'x')));
    for (const open of [openBytes(), announcedOpenBytes({}, PeerMessages.ErrorClosePing)]) {
      const peer = await stage.peer(server);
      peer.send(open);
      const packet = await peer.next();
      const { sessionExtensionBytes, sessionErrorCode } = openAck(packet);
      expect([sessionExtensionBytes, packet.bodyLength]).toEqual([0, 0]);
      expect(sessionErrorCode).toBe(SessionErrorCode.AuthFailed);
    }
  });

  it('has one entry for who does', async () => {
    const server = await stage.serve(failing(new HandlerError('quota', 'x', { retryAfterMs: 3 })));
    const peer = await stage.peer(server);
    peer.send(announcedOpenBytes());
    const packet = await peer.next();
    expect(openAck(packet).sessionExtensionBytes).toBe(packet.bodyLength);
    const [entry, ...more] = preview3.decodeControlExtensions(packet.body);
    expect([entry?.type, entry?.critical, more]).toEqual([0x4e53, false, []]);
    expect(JSON.parse(new TextDecoder().decode(entry?.payload))).toEqual({
      code: 'quota',
      message: 'x',
      retryable: true,
      retryAfterMs: 3,
    });
  });

  it.each([
    ['no JSON', '{"code":', undefined],
    ['a list', '["x"]', undefined],
    ['too long', JSON.stringify({ message: 'x'.repeat(17_000) }), undefined],
    ['members of the wrong types', '{"code":1,"message":2,"retryable":"yes","retryAfterMs":-1}', undefined],
    ['an entry of another type', '{"message":"x"}', 0x4e54],
  ])('counts as none when it is malformed: %s', async (_what, payload, type) => {
    const error = await refusalWith(payload, type);
    expect(error.message).toBe('[NNRP_ERR_SESSION_REFUSED] the server refuses the session: auth_failed (0x00010001)');
    expect([error.isRetryable, error.retryAfterMs, error.details]).toEqual([false, 0, undefined]);
  });

  it('gives no codes of this library away, and no control characters', async () => {
    const error = await refusalWith('{"code":"NNRP_ERR_CLOSED","message":"a\\u001b[2J"}');
    expect(error.code).toBe('NNRP_ERR_SESSION_REFUSED');
    expect(error.message).not.toContain('\u001b');
  });
});
