import { CancelledError, DeadlineError, PeerError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { ERROR_MESSAGE } from '../../src/connection/sending/codecs.js';
import { ScriptedServer } from '../support/scripted-server.js';
import { SessionPeer } from '../support/session-peer.js';
import { Stage } from '../support/stage.js';

const { CacheErrorCode, ErrorCode, ErrorScope, MessageType } = preview3;
const stage = new Stage();
afterEach(async () => {
  await ScriptedServer.clear();
  await stage.clear();
});
const utf8 = (text: string) => new TextEncoder().encode(text);

/** How frame 1 fails when the server says this of it. */
async function failureBy(
  errorCode: number,
  diagnostic: string,
  block: string | Uint8Array = '',
  message: Partial<preview3.ErrorMessage> = {},
  announce = true,
): Promise<PeerError> {
  const server = await ScriptedServer.start({ announce });
  const session = await server.open(1);
  const operation = await session.submit('x', { deadlineMs: 60_000 });
  await server.expect(MessageType.FrameSubmit);
  const body = Buffer.concat([utf8(diagnostic), typeof block === 'string' ? utf8(block) : block]);
  const metadata: preview3.ErrorMessage = {
    errorCode,
    errorScope: ErrorScope.Frame,
    isFatal: 0,
    retryAfterMs: 0,
    relatedSessionId: 1,
    relatedFrameId: 1,
    relatedViewId: 0,
    diagnosticBytes: utf8(diagnostic).length,
    ...message,
  };
  server.tell(MessageType.Error, 1, 1, ERROR_MESSAGE, metadata, body);
  server.drop(1, 1);
  return operation.result().then(
    () => expect.unreachable(),
    (error: unknown) => error as PeerError,
  );
}

describe('an ERROR of a frame', () => {
  it.each([
    [ErrorCode.FrameExpired, DeadlineError, 'NNRP_ERR_DEADLINE', false, 'frame_expired (0x0008)'],
    [ErrorCode.FrameCancelled, CancelledError, 'NNRP_ERR_CANCELLED_BY_SERVER', false, 'frame_cancelled (0x0009)'],
    [ErrorCode.LimitExceeded, PeerError, 'NNRP_ERR_IN_FLIGHT_LIMIT', true, 'limit_exceeded (0x0007)'],
    [ErrorCode.ServerBusy, PeerError, 'NNRP_ERR_SERVER_BUSY', true, 'server_busy (0x000b)'],
    [ErrorCode.InternalError, PeerError, 'NNRP_ERR_HANDLER_FAILED', false, 'internal_error (0x000c)'],
    [ErrorCode.CacheMiss, PeerError, 'NNRP_ERR_SUBMIT_REFUSED', false, 'cache_miss (0x000a)'],
    [CacheErrorCode.LeaseExpired, PeerError, 'NNRP_ERR_SUBMIT_REFUSED', false, 'lease_expired (0x00030002)'],
    [0x4711, PeerError, 'NNRP_ERR_SUBMIT_REFUSED', false, 'the error code 0x4711, which has no name'],
  ])('without details means what its code says: %#', async (wireCode, kind, code, isRetryable, name) => {
    const error = await failureBy(wireCode, 'so it is');
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code, wireCode, isRetryable, retryAfterMs: 0, details: undefined });
    expect(error.rawMessage).toBe(`the server reports ${name} for frame 1: so it is`);
  });

  it('says something also without a text', async () => {
    expect((await failureBy(ErrorCode.ServerBusy, '')).rawMessage).toMatch(/frame 1: too much work waits already$/);
  });

  it('knows the deadline that the client has granted', async () => {
    expect(await failureBy(ErrorCode.FrameExpired, '')).toMatchObject({ deadlineMs: 60_000 });
  });

  it('may say that it helps to try again', async () => {
    const error = await failureBy(ErrorCode.InternalError, '', '', { retryAfterMs: 30 });
    expect(error).toMatchObject({ retryAfterMs: 30, isRetryable: true });
    const details = '{"retryable":true,"details":{"shard":3}}';
    const other = await failureBy(ErrorCode.InternalError, '', details);
    expect(other).toMatchObject({ isRetryable: true, details: { shard: 3 } });
  });

  it.each([
    ['malformed', '{"code":"x"'],
    ['of an unknown code of ours', '{"code":"NNRP_ERR_OUT_OF_PAPER"}'],
    ['that imitates a failure of this side', '{"code":"NNRP_ERR_USAGE"}'],
    ['named after a property that objects have', '{"code":"NNRP_"}'],
    ['with a code that a terminal obeys', '{"code":"\\u001b[31mred"}'],
    ['that is no UTF-8', Uint8Array.of(0x7b, 0xff)],
    ['too long', `{"details":"${'x'.repeat(20_000)}"}`],
  ])('costs nothing but the details when its block is %s', async (_what, block) => {
    const error = await failureBy(ErrorCode.ServerBusy, 'busy', block);
    expect(error).toMatchObject({ code: 'NNRP_ERR_SERVER_BUSY', details: undefined });
    expect(error.rawMessage).toMatch(/: busy$/);
  });

  it('is longer than it says only to clients that have announced that they understand it', async () => {
    const error = await failureBy(ErrorCode.ServerBusy, 'busy', '{"code":"mine"}', {}, false);
    expect([error.code, error.rawMessage.includes('busy already')]).toEqual(['NNRP_ERR_SERVER_BUSY', false]);
  });

  it('shows no character that a terminal obeys, neither of its text nor of its details', async () => {
    const controls = 'a\u001b[31m\r\nb\u2028c\u0085';
    const text = await failureBy(ErrorCode.ServerBusy, controls);
    const details = await failureBy(ErrorCode.ServerBusy, 'x', JSON.stringify({ code: 'mine', message: controls }));
    for (const { message } of [text, details]) expect(message).not.toMatch(/[\p{Cc}\u2028]/u);
  });
});

describe('a drop', () => {
  it.each([
    ['a client that has announced nothing', { announced: false }, ['drop 1']],
    ['a client that understands ERROR', { families: 1 }, ['error frame 1 frame_expired', 'drop 1']],
    ['a client that understands details', {}, ['error frame 1 frame_expired', 'drop 1']],
  ])('is explained as far as it is understood, to %s', async (_who, open, said) => {
    const server = await stage.serve({ deadlines: true });
    void server.serve({ submit: (operation) => operation.finished });
    const peer = await SessionPeer.open(stage, server, open);
    peer.submit(1, 'work', { latencyBudgetMs: 5 });
    expect(await peer.take(said.length)).toEqual(said);
    expect(await peer.answers()).toEqual([]);
    const [error] = peer.raw.received.filter(({ messageType }) => messageType === MessageType.Error);
    const hasDetails = error !== undefined && error.bodyLength > textLength(error);
    expect(hasDetails).toBe(Object.keys(open).length === 0);
  });

  it('of an application that asks for submits one by one is its own, and is not explained', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    const session = await server.accept();
    peer.submit(1);
    await (await session.receiveSubmit()).drop();
    peer.submit(2);
    await session.sendResultDrop((await session.receiveSubmit()).frameId);
    expect(await peer.take(2)).toEqual(['drop 1', 'drop 2']);
  });

  it('of work for a session that is not open is explained', async () => {
    const server = await stage.serve();
    const peer = await SessionPeer.open(stage, server);
    const bytes = peer.submitBytes(5);
    new DataView(bytes.buffer).setUint32(20, 4711, true);
    peer.raw.send(bytes);
    expect(await peer.answers()).toEqual(['error frame 5 invalid_state', 'drop 5']);
  });
});

function textLength(packet: { readonly view: DataView; readonly metadataStart: number }): number {
  return preview3.decodeErrorMessage(packet.view, packet.metadataStart).diagnosticBytes;
}
