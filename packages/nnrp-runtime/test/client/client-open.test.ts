import { readFileSync } from 'node:fs';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { ScriptedServer } from '../support/scripted-server.js';
import { bytesFrom, bytesOf, errorOf, hexOf, packetBytes } from '../support/wire-packets.js';

const { MessageType, SessionErrorCode, SessionStatus } = preview3;
const file = new URL('../../../../spec/preview3/vectors.json', import.meta.url);
const utf8 = (text: string) => new TextEncoder().encode(text);

afterEach(() => ScriptedServer.clear());

/** Type SESSION_OPEN, 48 bytes of metadata, no body, every id 0. */
const OPEN_HEADER = `4e4e525001000728${'00'.repeat(4)}30000000${'00'.repeat(24)}`;

/** The SESSION_OPEN of the reference's default client, in hex: the request of the vector that asks for id 1. */
function goldenOpen(): string {
  const vectors: { name: string; open_hex: string }[] = JSON.parse(readFileSync(file, 'utf8')).session_open_decisions;
  const golden = vectors.find(({ name }) => name === 'open.duplicate');
  if (golden === undefined) throw new Error('the vectors have no open.duplicate');
  return OPEN_HEADER + golden.open_hex;
}

describe('a request', () => {
  it('is byte for byte that of the reference client when nothing is announced and its deadline is asked for', async () => {
    const server = await ScriptedServer.start({ announce: false });
    const opened = server.client.openSession({ requestedSessionId: 1, defaultDeadlineMs: 500 });
    expect(hexOf(bytesOf(await server.next()))).toBe(goldenOpen());
    server.openAck(1);
    await opened;
  });

  it.each([
    ['never', 0],
    ['resume', preview3.SessionFlags.AllowResume],
  ] as const)(
    'announces what this client understands, and with reconnect %s differs by flag %i',
    async (reconnect, flag) => {
      const server = await ScriptedServer.start({ reconnect });
      void server.client.openSession({ requestedSessionId: 1, defaultDeadlineMs: 500 });
      const packet = await server.next();
      const golden = bytesFrom(goldenOpen());
      const sent = bytesOf(packet).slice(0, golden.length);
      expect(preview3.decodeControlExtensions(packet.body)).toEqual([
        { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
      ]);
      const view = new DataView(sent.buffer);
      expect([view.getUint32(16, true), view.getUint32(40 + 36, true)]).toEqual([16, 16]);
      view.setUint32(16, 0, true);
      view.setUint32(40 + 36, 0, true);
      const flagsAt = 40 + preview3.SESSION_OPEN_OFFSETS.sessionFlags;
      expect(view.getUint8(flagsAt)).toBe(flag);
      view.setUint8(flagsAt, 0);
      expect(hexOf(sent)).toBe(hexOf(golden));
    },
  );

  it('carries the authentication first, then the extensions, with their lengths', async () => {
    const server = await ScriptedServer.start();
    const payload = new Uint8Array([1, 2, 3]);
    void server.client.openSession({ auth: 'secret', extensions: [{ type: 0x8001, critical: true, payload }] });
    const packet = await server.next();
    const open = preview3.decodeSessionOpen(packet.view, packet.metadataStart);
    expect([open.resumeTokenBytes, open.authBytes, open.sessionExtensionBytes]).toEqual([0, 6, 32]);
    expect(packet.body.subarray(0, 6)).toEqual(utf8('secret'));
    const extensions = preview3.decodeControlExtensions(packet.body.subarray(6));
    expect(extensions.map(({ type, critical }) => [type, critical])).toEqual([
      [preview3.PEER_MESSAGES_EXTENSION, false],
      [0x8001, true],
    ]);
    expect(extensions[1]?.payload).toEqual(payload);
  });

  it.each([
    [{ type: 0x7fff, payload: new Uint8Array(1) }],
    [{ type: 0x10000, payload: new Uint8Array(1) }],
    [{ type: 0x8000, payload: 'text' as never }],
  ])('is not sent with extension %o', async (extension) => {
    const server = await ScriptedServer.start();
    const refused = server.client.openSession({ extensions: [extension] });
    await expect(refused).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    const opened = server.client.openSession({ requestedSessionId: 9 });
    expect((await server.expect(MessageType.SessionOpen)).view.getUint32(40, true)).toBe(9);
    server.openAck(9);
    await opened;
  });
});

describe('a refusal', () => {
  it.each([
    [SessionErrorCode.ProfileUnsupported, 'profile_unsupported (0x00010002)'],
    [SessionErrorCode.AuthFailed, 'auth_failed (0x00010001)'],
    [0x12345, 'the code 0x00012345, which has no name'],
  ])('with code %i says its name', async (sessionErrorCode, name) => {
    const server = await ScriptedServer.start();
    const refused = server.client.openSession();
    await server.next();
    server.openAck(0, { sessionStatus: SessionStatus.Rejected, sessionErrorCode });
    await expect(refused).rejects.toMatchObject({
      code: 'NNRP_ERR_SESSION_REFUSED',
      wireCode: sessionErrorCode,
      message: expect.stringContaining(name),
    });
  });

  it('for the time being is one of its own, and the next attempt may succeed', async () => {
    const server = await ScriptedServer.start();
    const refused = server.client.openSession();
    await server.next();
    const sessionErrorCode = SessionErrorCode.SessionLimitReached;
    server.openAck(0, { sessionStatus: SessionStatus.RetryLater, sessionErrorCode });
    await expect(refused).rejects.toMatchObject({ code: 'NNRP_ERR_RETRY_LATER', wireCode: sessionErrorCode });
    expect((await server.open(4)).sessionId).toBe(4);
  });
});

describe('an acknowledgement', () => {
  it.each([
    [
      'of another session than was asked for',
      (server: ScriptedServer) => server.openAck(8),
      /asked for session 7, got 8/,
    ],
    [
      'whose header names another session',
      (server: ScriptedServer) => {
        const bytes = acknowledgement(7);
        new DataView(bytes.buffer).setUint32(20, 6, true);
        server.send(bytes);
      },
      /header session 6, metadata session 7/,
    ],
    ['of a session 0', (server: ScriptedServer) => server.openAck(0), /LIFE-1/],
    [
      'of a resumed session nobody asked to resume',
      (server: ScriptedServer) => server.openAck(7, { sessionStatus: SessionStatus.Resumed }),
      /RESACK/,
    ],
    [
      'that announces another length than it has',
      (server: ScriptedServer) => server.openAck(7, { sessionExtensionBytes: 9 }, new Uint8Array(8)),
      /announces 9 body bytes, got 8/,
    ],
    [
      'that is malformed',
      (server: ScriptedServer) => {
        const bytes = acknowledgement(7);
        bytes[40 + 7] = 9;
        server.send(bytes);
      },
      /session_status/,
    ],
  ])('%s fails the open, and the server is told', async (_what, answer, text) => {
    const server = await ScriptedServer.start();
    const violations: unknown[] = [];
    server.client.on('protocolViolation', ({ error }) => violations.push(error));
    const opening = server.client.openSession({ requestedSessionId: 7 });
    await server.next();
    answer(server);
    await expect(opening).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL', message: expect.stringMatching(text) });
    expect(errorOf(await server.next())).toMatchObject({ isFatal: 1 });
    await server.expect(MessageType.Close);
    const { message } = await server.client.closed;
    expect(violations).toEqual([expect.objectContaining({ message })]);
  });

  it('of a session that exists already is refused', async () => {
    const server = await ScriptedServer.start();
    await server.open(3);
    const opening = server.client.openSession();
    await server.next();
    server.openAck(3);
    await expect(opening).rejects.toMatchObject({ message: expect.stringContaining('session 3 exists already') });
  });

  it('that is malformed and names a session that exists fails the open, and is not held against that session', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(3);
    const opening = server.client.openSession();
    await server.next();
    const bytes = acknowledgement(3);
    bytes[40 + 7] = 9;
    server.send(bytes);
    await expect(opening).rejects.toMatchObject({ message: expect.stringMatching(/SESSION_OPEN_ACK.*session_status/) });
    // Without a way to tell which sessions there are, the connection is over; the session ends with it, not before.
    expect((await server.next()).messageType).toBe(MessageType.Error);
    expect(session.endReason?.message).toBe((await server.client.closed).message);
  });

  it('may leave out the body that it announces, or have it; its extensions can be read', async () => {
    const server = await ScriptedServer.start();
    const announced = { resumeTokenBytes: 24, resumeWindowMs: 1000, sessionFlagsAck: 1 };
    expect((await server.open(1, announced)).extensions).toEqual([]);
    const opening = server.client.openSession();
    await server.next();
    const payload = new Uint8Array([7]);
    const block = preview3.encodeControlExtensions([{ type: 0x9000, critical: false, payload }]);
    const body = new Uint8Array(24 + block.length);
    body.set(block, 24);
    server.openAck(2, { ...announced, sessionExtensionBytes: block.length }, body);
    expect((await opening).extensions).toEqual([{ type: 0x9000, critical: false, payload }]);
  });

  it('that nobody waits for is a stray', async () => {
    const server = await ScriptedServer.start();
    const session = await server.open(1);
    const strays: number[] = [];
    server.client.on('stray', ({ packet }) => strays.push(packet.sessionId));
    server.openAck(5);
    server.openAck(1);
    await server.settled();
    expect([strays, session.endReason]).toEqual([[5, 1], undefined]);
  });

  it('that does not come costs its open alone, after the open timeout', async () => {
    const server = await ScriptedServer.start({ openTimeoutMs: 30 });
    const kept = await server.open(1);
    const [first, second] = [server.client.openSession(), server.client.openSession()];
    await expect(first).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 30 });
    await expect(second).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    for (let count = 0; count < 2; count++) await server.expect(MessageType.SessionOpen);
    await server.settled();
    expect(kept.state).toBe('open');
  });

  it('that comes too late belongs to the request that was given up, and its session is closed at once', async () => {
    const server = await ScriptedServer.start({ openTimeoutMs: 100 });
    const late = server.client.openSession();
    await server.expect(MessageType.SessionOpen);
    await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    const next = server.client.openSession();
    server.openAck(7);
    const close = await server.expect(MessageType.SessionClose);
    expect([close.sessionId, preview3.decodeSessionClose(close.view, close.metadataStart).inFlightPolicy]).toEqual([
      7,
      preview3.InFlightPolicy.Abort,
    ]);
    server.closeAck(7, preview3.CloseStatus.Closed);
    await server.expect(MessageType.SessionOpen);
    server.openAck(8);
    expect((await next).sessionId).toBe(8);
  });

  it('of a server that has announced itself may be awaited by 64 requests at once, which it answers in order', async () => {
    const server = await ScriptedServer.start();
    const body = preview3.encodeControlExtensions([
      { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
    ]);
    const opening = server.client.openSession();
    await server.expect(MessageType.SessionOpen);
    server.openAck(1, { sessionExtensionBytes: body.length }, body);
    await opening;
    const opens = Array.from({ length: 70 }, () => server.client.openSession());
    for (let count = 0; count < 64; count++) await server.expect(MessageType.SessionOpen);
    await server.settled();
    for (let id = 2; id <= 71; id++) server.openAck(id);
    expect((await Promise.all(opens)).map(({ sessionId }) => sessionId)).toEqual(
      Array.from({ length: 70 }, (_, at) => at + 2),
    );
  });
});

describe('an entry of an acknowledgement that is critical', () => {
  const block = (type: number) =>
    preview3.encodeControlExtensions([{ type, critical: true, payload: Uint8Array.of(1) }]);

  it('costs the connection when nobody here knows it', async () => {
    const server = await ScriptedServer.start({ reconnect: 'never' });
    const opening = server.client.openSession();
    await server.expect(MessageType.SessionOpen);
    const body = block(0x1234);
    server.openAck(1, { sessionExtensionBytes: body.length }, body);
    await expect(opening).rejects.toMatchObject({
      code: 'NNRP_ERR_PROTOCOL',
      rawMessage: 'SESSION_OPEN_ACK: extension 0x1234 is critical and not known',
    });
    await server.expect(MessageType.Error);
  });

  it('is taken when the application may know it', async () => {
    const server = await ScriptedServer.start();
    const opening = server.client.openSession();
    await server.expect(MessageType.SessionOpen);
    const body = block(0x8001);
    server.openAck(1, { sessionExtensionBytes: body.length }, body);
    expect((await opening).extensions).toMatchObject([{ type: 0x8001, critical: true }]);
  });
});

it('an open fails when the connection ends or the client is closed first', async () => {
  const lost = await ScriptedServer.start();
  const opening = lost.client.openSession();
  await lost.next();
  lost.vanish();
  await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|TRANSPORT/) });
  const closed = await ScriptedServer.start();
  const waiting = closed.client.openSession();
  const closing = closed.client.close();
  await expect(waiting).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  await closing;
  await expect(closed.client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
});

/** A whole acknowledgement of a session with this id. */
function acknowledgement(sessionId: number): Uint8Array {
  const metadata = new Uint8Array(preview3.SESSION_OPEN_ACK_BYTES);
  const view = new DataView(metadata.buffer);
  view.setUint32(preview3.SESSION_OPEN_ACK_OFFSETS.sessionId, sessionId, true);
  view.setUint16(preview3.SESSION_OPEN_ACK_OFFSETS.acceptedProfileId, 2, true);
  const bytes = packetBytes(MessageType.SessionOpenAck, sessionId, 0, metadata);
  return bytes;
}
