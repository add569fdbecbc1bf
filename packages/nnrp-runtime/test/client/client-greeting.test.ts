import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { SERVER_HELLO_ACK } from '../../src/connection/sending/codecs.js';
import { ScriptedServer } from '../support/scripted-server.js';
import { errorOf } from '../support/wire-packets.js';

const { ErrorCode, ErrorScope, HelloExtensionType, MessageType } = preview3;
const CONNECTION_SCOPE = { errorScope: ErrorScope.Connection };

afterEach(() => ScriptedServer.clear());

/** Accepts everything that a hello offers. */
function accept(
  server: ScriptedServer,
  packet: Packet,
  changes: Partial<preview3.ServerHelloAck> = {},
  body?: Uint8Array,
): void {
  const hello = preview3.decodeClientHello(packet.view, packet.metadataStart);
  const ack: preview3.ServerHelloAck = {
    selectedVersionMajor: 1,
    selectedWireFormat: 0,
    authStatus: 0,
    sessionId: 0,
    acceptedProfileBitmap: hello.supportedProfileBitmap,
    acceptedPayloadKindBitmap: hello.supportedPayloadKindBitmap,
    acceptedCodecBitmap: 0,
    acceptedCompressionBitmap: 0,
    acceptedDtypeBitmap: 0,
    acceptedLayoutBitmap: 0,
    cacheDigestBitmap: 0,
    cacheObjectBitmap: 0,
    maxCacheEntries: 5,
    maxCacheBytes: 0,
    maxLaneCount: 1,
    maxConcurrentFrames: 0,
    targetCadenceX100: 0,
    latencyBudgetMs: hello.latencyBudgetMs,
    qualityTier: 0,
    degradePolicy: 0,
    maxBodyBytes: 0,
    tokenTtlMs: 0,
    retryAfterMs: 0,
    controlExtensionBytes: body?.length ?? 0,
    serverFlags: 0,
    ...changes,
  };
  server.tell(MessageType.ServerHelloAck, 0, 0, SERVER_HELLO_ACK, ack, body);
}

describe('a hello', () => {
  it('says what the client can do, and gives the answer with its extensions', async () => {
    const server = await ScriptedServer.start();
    const policy = preview3.encodeHelloExtension({ kind: 'transport_policy', policy: 2, preferredTransportId: 2 });
    const greeting = server.client.hello({ auth: 'key', extensions: [policy], latencyBudgetMs: 77 });
    const packet = await server.expect(MessageType.ClientHello);
    const hello = preview3.decodeClientHello(packet.view, packet.metadataStart);
    expect(hello).toMatchObject({ minVersionMajor: 1, maxVersionMajor: 1, supportedProfileBitmap: 3, authBytes: 3 });
    expect([packet.sessionId, hello.controlExtensionBytes, packet.bodyLength]).toEqual([0, 32, 35]);
    const sent = preview3.decodeControlExtensions(packet.body.subarray(3));
    expect(sent.map(({ type }) => type)).toEqual([
      preview3.PEER_MESSAGES_EXTENSION,
      HelloExtensionType.TransportPolicy,
    ]);

    const answer = preview3.encodeHelloExtension({
      kind: 'transport_policy_ack',
      policy: 2,
      acceptedPolicy: 2,
      activeTransportId: 2,
    });
    accept(server, packet, {}, preview3.encodeControlExtensions([answer]));
    const { ack, extensions } = await greeting;
    expect(ack).toMatchObject({ latencyBudgetMs: 77, maxCacheEntries: 5 });
    expect(extensions).toEqual([answer]);
    expect(server.client.serverHello).toEqual({ ack, extensions });
  });

  it('from the configuration goes first, and sessions wait for its answer', async () => {
    const server = await ScriptedServer.start({ hello: { latencyBudgetMs: 3 }, announce: false });
    const opening = server.client.openSession();
    const packet = await server.expect(MessageType.ClientHello);
    expect([packet.bodyLength, preview3.decodeClientHello(packet.view, packet.metadataStart).latencyBudgetMs]).toEqual([
      0, 3,
    ]);
    await server.settled();
    expect(server.peer.received.map(({ messageType }) => messageType)).not.toContain(MessageType.SessionOpen);
    accept(server, packet);
    await server.expect(MessageType.SessionOpen);
    server.openAck(1);
    expect((await opening).sessionId).toBe(1);
    expect(server.client.serverHello?.ack.latencyBudgetMs).toBe(3);
  });

  it('comes once, and before the first session', async () => {
    const server = await ScriptedServer.start({ hello: true });
    await expect(server.client.hello()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
    const other = await ScriptedServer.start();
    await other.open(1);
    await expect(other.client.hello()).rejects.toMatchObject({ code: 'NNRP_ERR_USAGE' });
  });

  it('with an option that does not exist or does not fit is refused before anything is sent', async () => {
    const server = await ScriptedServer.start();
    await expect(server.client.hello({ latency: 5 } as object)).rejects.toThrow(/latency/);
    await expect(server.client.hello({ latencyBudgetMs: 65_536 })).rejects.toThrow(
      /USAGE.*latencyBudgetMs takes an integer of 0 to 65535, got 65536/,
    );
    await expect(server.client.hello({ supportedProfileBitmap: 0 })).rejects.toThrow(/HELLO-4/);
    const greeting = server.client.hello();
    accept(server, await server.expect(MessageType.ClientHello));
    await greeting;
  });
});

describe('an answer to a hello', () => {
  it.each([
    ['a version that was not offered', { selectedVersionMajor: 2 }, undefined, /HELLOACK-1/],
    ['a profile that was not offered', { acceptedProfileBitmap: 4 }, undefined, /HELLOACK-3/],
    ['a cache kind that was not offered', { cacheObjectBitmap: 0x200 }, undefined, /HELLOACK-10/],
    ['another length than it has', { controlExtensionBytes: 16 }, new Uint8Array(8), /announces 16 body bytes, got 8/],
    ['a block that is cut off', {}, new Uint8Array([1, 2, 3]), /TLV-1/],
    [
      'a critical extension that is not known',
      {},
      preview3.encodeControlExtensions([{ type: 0x0300, critical: true, payload: new Uint8Array(0) }]),
      /0x0300 is critical/,
    ],
  ])('with %s costs the connection', async (_what, changes, body, text) => {
    const server = await ScriptedServer.start();
    const greeting = server.client.hello();
    accept(server, await server.next(), changes, body);
    await expect(greeting).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL', message: expect.stringMatching(text) });
    expect(errorOf(await server.next())).toMatchObject({ ...CONNECTION_SCOPE, isFatal: 1 });
    await server.expect(MessageType.Close);
  });

  it('may leave out the block that it announces', async () => {
    const server = await ScriptedServer.start();
    const greeting = server.client.hello();
    accept(server, await server.next(), { controlExtensionBytes: 16 });
    expect((await greeting).extensions).toEqual([]);
  });

  it('may have critical extensions of the application’s own', async () => {
    const server = await ScriptedServer.start();
    const greeting = server.client.hello();
    const own = { type: 0xc001, critical: true, payload: new Uint8Array([1]) };
    accept(server, await server.next(), {}, preview3.encodeControlExtensions([own]));
    expect((await greeting).extensions).toEqual([own]);
  });

  it('that is an error rejects it; the connection lives on', async () => {
    const server = await ScriptedServer.start();
    const greeting = server.client.hello();
    await server.next();
    server.error(0, 0, { ...CONNECTION_SCOPE, errorCode: ErrorCode.UnsupportedCapability }, 'no hello here');
    await expect(greeting).rejects.toMatchObject({
      code: 'NNRP_ERR_PEER',
      wireCode: ErrorCode.UnsupportedCapability,
      message: expect.stringContaining('no hello here'),
    });
    expect((await server.open(1)).sessionId).toBe(1);
  });

  it('that is the end of the connection rejects it, and every session that waits for it', async () => {
    const server = await ScriptedServer.start({ hello: true });
    const opening = server.client.openSession();
    await server.next();
    server.error(0, 1, { ...CONNECTION_SCOPE, errorCode: ErrorCode.AuthFailed });
    await expect(opening).rejects.toMatchObject({ code: 'NNRP_ERR_PEER', wireCode: ErrorCode.AuthFailed });
    expect(await server.client.closed).toMatchObject({ wireCode: ErrorCode.AuthFailed });
  });

  it('that does not come rejects it in time; one that comes late is a stray', async () => {
    const server = await ScriptedServer.start({ requestTimeoutMs: 20 });
    const greeting = server.client.hello();
    const packet = await server.next();
    await expect(greeting).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 20 });
    const stray = new Promise((resolve) => server.client.once('stray', resolve));
    accept(server, packet);
    await stray;
    expect(server.client.serverHello).toBeUndefined();
  });

  it('that was required and failed fails the sessions, too', async () => {
    const server = await ScriptedServer.start({ hello: true, requestTimeoutMs: 20 });
    await expect(server.client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT', timeoutMs: 20 });
    await expect(server.client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
  });
});
