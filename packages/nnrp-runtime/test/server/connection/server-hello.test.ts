import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { CLIENT_HELLO, TRANSPORT_PROBE } from '../../../src/connection/sending/codecs.js';
import type { SessionOpenContext } from '../../../src/server/contract/policy.js';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import { carrier } from '../../support/carrier.js';
import { described } from '../../support/described.js';
import type { RawPeer } from '../../support/raw-peer.js';
import { ANNOUNCEMENT, messageBytes, SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openBytes, packetBytes } from '../../support/wire-packets.js';

const { CacheObjectKind, MessageType, ServerFlags, TransportId, TransportPolicy } = preview3;

const stage = new Stage();
afterEach(() => stage.clear());

const HELLO: preview3.ClientHello = {
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 3,
  supportedPayloadKindBitmap: 0x7f,
  supportedCodecBitmap: 3,
  supportedCompressionBitmap: 1,
  supportedDtypeBitmap: 0xff,
  supportedLayoutBitmap: 3,
  cacheDigestBitmap: 1,
  cacheObjectBitmap: 0x1ff,
  cacheNamespaceCount: 1,
  maxLaneCount: 4,
  maxCacheEntries: 100,
  maxCacheBytes: 5000,
  targetCadenceX100: 6000,
  latencyBudgetMs: 33,
  qualityTier: 2,
  degradePolicy: 1,
  requestedSessionId: 0,
  authBytes: 0,
  controlExtensionBytes: 0,
};

function helloBytes(fields: Partial<preview3.ClientHello> = {}, block: Uint8Array = new Uint8Array(0)): Uint8Array {
  const hello = { ...HELLO, controlExtensionBytes: block.length - (fields.authBytes ?? 0), ...fields };
  return messageBytes(MessageType.ClientHello, CLIENT_HELLO, hello, 0, block);
}

/** A hello that no codec would write. */
function offering([minVersion, maxVersion]: [number, number], wireFormats: number): Uint8Array {
  const hello = helloBytes();
  hello.set([minVersion, maxVersion, wireFormats], 40);
  return hello;
}

/** A peer that has said hello, and the acknowledgement. */
async function greeted(
  config: NnrpServerOptions = {},
  hello = helloBytes(),
): Promise<{ peer: RawPeer; ack: preview3.ServerHelloAck; extensions: preview3.ControlExtension[] }> {
  const peer = await stage.peer(await stage.serve({ revision: 'preview3', ...config }));
  peer.send(hello);
  const packet = await peer.next();
  expect(packet.messageType).toBe(MessageType.ServerHelloAck);
  const ack = preview3.decodeServerHelloAck(packet.view, packet.metadataStart);
  return { peer, ack, extensions: preview3.decodeControlExtensions(packet.body) };
}

describe('a hello', () => {
  it('is answered from the configuration, within what the client offers (HELLOACK-1 to HELLOACK-10)', async () => {
    const { ack } = await greeted({
      supportedProfiles: [2],
      supportedCacheObjects: [CacheObjectKind.PromptSegment],
      maxCacheObjects: 10,
      maxInFlightOperations: 9,
      maxPacketBytes: 100_000,
    });
    expect(preview3.checkHelloAck(HELLO, ack)).toBeUndefined();
    expect(ack).toMatchObject({
      selectedVersionMajor: 1,
      selectedWireFormat: 0,
      sessionId: 0,
      acceptedProfileBitmap: 2,
      cacheObjectBitmap: 1 << (CacheObjectKind.PromptSegment - 1),
      maxCacheEntries: 10,
      maxCacheBytes: 5000,
      maxConcurrentFrames: 9,
      maxBodyBytes: 100_000 - 40 - preview3.RESULT_PUSH_BYTES,
      serverFlags: ServerFlags.CacheEnabled,
    });
  });

  it('announces no cache where there is none', async () => {
    const { ack } = await greeted();
    expect([ack.cacheObjectBitmap, ack.serverFlags]).toEqual([0, 0]);
  });

  it('gets an answer to the extensions that are known; others are skipped', async () => {
    const { transportId, otherTransportId } = carrier;
    const onlyThis = transportId === TransportId.Quic ? TransportPolicy.ForceQuic : TransportPolicy.ForceTcp;
    const onlyOther = transportId === TransportId.Quic ? TransportPolicy.ForceTcp : TransportPolicy.ForceQuic;
    for (const [policy, preferredTransportId, acceptedPolicy] of [
      [onlyOther, otherTransportId, TransportPolicy.Auto],
      // A transport without a number meets no wish for one.
      [onlyThis, transportId, transportId === TransportId.Unspecified ? TransportPolicy.Auto : onlyThis],
    ] as const) {
      const block = preview3.encodeControlExtensions([
        preview3.encodeHelloExtension({ kind: 'transport_policy', policy, preferredTransportId }),
        { type: 0x9999, critical: false, payload: new Uint8Array(3) },
        { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
      ]);
      const { ack, extensions } = await greeted({}, helloBytes({}, block));
      expect(extensions.map((extension) => preview3.decodeHelloExtension(extension) ?? extension.type)).toEqual([
        { kind: 'transport_policy_ack', policy, acceptedPolicy, activeTransportId: transportId },
        preview3.PEER_MESSAGES_EXTENSION,
      ]);
      expect(ack.controlExtensionBytes).toBe(preview3.encodeControlExtensions(extensions).length);
    }
  });

  it('brings an authentication block, which the policy sees', async () => {
    const contexts: SessionOpenContext[] = [];
    const applicationPolicy = {
      validateSessionOpen: (_open: unknown, context: SessionOpenContext) => void contexts.push(context),
    };
    const hello = helloBytes({ authBytes: 6, controlExtensionBytes: 0 }, new TextEncoder().encode('secret'));
    const { peer } = await greeted({ applicationPolicy }, hello);
    peer.send(openBytes());
    await peer.next();
    expect(contexts.map(({ helloAuth, auth }) => [new TextDecoder().decode(helloAuth), auth.length])).toEqual([
      ['secret', 0],
    ]);
  });

  it('announces the client: it is told what a reference client would fail on', async () => {
    const { peer } = await greeted({ drainTimeoutMs: 0 });
    peer.send(openBytes({ requestedSessionId: 4 }));
    await peer.next();
    peer.send(packetBytes(MessageType.ResultDrop, 4, 1));
    expect([described(await peer.next()), described(await peer.next())]).toEqual([
      'error session 1 invalid_state',
      'close protocol_error',
    ]);
  });

  const badBlock = new Uint8Array(16);
  badBlock.set([1, 0, 0, 0, 200]);
  it.each<[string, Uint8Array, string]>([
    ['of another version', offering([2, 3], 1), 'unsupported_version'],
    ['without wire format 0', offering([1, 1], 2), 'unsupported_version'],
    ['whose versions are the wrong way round', offering([3, 2], 1), 'malformed_body'],
    [
      'with a critical extension that nobody knows',
      helloBytes({}, preview3.encodeControlExtensions([{ type: 0x9999, critical: true, payload: new Uint8Array(0) }])),
      'unsupported_capability',
    ],
    ['with a malformed block', helloBytes({}, badBlock), 'malformed_body'],
    ['with another length than announced', helloBytes({ controlExtensionBytes: 8 }, ANNOUNCEMENT), 'malformed_body'],
  ])('%s is refused, and costs the connection', async (_name, hello, code) => {
    const peer = await stage.peer(await stage.serve({ revision: 'preview3' }));
    peer.send(hello);
    expect(described(await peer.next())).toBe(`error connection 0 ${code}`);
    expect(described(await peer.next())).toBe('close');
    await peer.closed();
  });

  it('that comes twice costs the connection', async () => {
    const { peer } = await greeted();
    peer.send(helloBytes());
    expect(described(await peer.next())).toBe('error connection 0 invalid_state');
    await peer.closed();
  });

  it('after a session was opened is refused, and costs nothing', async () => {
    const server = await stage.serve({ revision: 'preview3' });
    const peer = await SessionPeer.open(stage, server);
    peer.raw.send(helloBytes());
    expect(await peer.answers()).toEqual(['error connection 0 invalid_state']);
    expect(server.sessionCount).toBe(1);
  });
});

describe('a transport probe', () => {
  const probe = (probeId: number, payload: number, announced = payload) =>
    messageBytes(
      MessageType.TransportProbe,
      TRANSPORT_PROBE,
      { probeId, probePayloadBytes: announced, clientSendTsUs: 5n },
      0,
      new Uint8Array(payload),
    );

  async function probed(peer: RawPeer, probeId: number, payload: number): Promise<void> {
    peer.send(probe(probeId, payload));
    const packet = await peer.next();
    expect(packet.messageType).toBe(MessageType.TransportProbeAck);
    const ack = preview3.decodeTransportProbeAck(packet.view, packet.metadataStart);
    expect(ack.probeId).toBe(probeId);
    expect(ack.serverRecvTsUs).toBeGreaterThan(0n);
    expect(packet.bodyLength).toBe(0);
  }

  it('is acknowledged before, during and after sessions', async () => {
    const server = await stage.serve({ revision: 'preview3' });
    const peer = await stage.peer(server);
    await probed(peer, 1, 0);
    await probed(peer, 2, 32 * 1024);
    const session = await SessionPeer.openOn(peer);
    await probed(peer, 3, 5);
    session.close();
    const accepted = await server.accept();
    await accepted.ackClose(await accepted.receiveClose());
    expect(await session.next()).toBe('close ack closed');
    await probed(peer, 0xffffffff, 100);
  });

  it('whose body is not as long as announced costs a connection that has no session', async () => {
    const peer = await stage.peer(await stage.serve({ revision: 'preview3' }));
    peer.send(probe(1, 10, 11));
    expect(described(await peer.next())).toBe('error connection 0 malformed_body');
    await peer.closed();
  });

  it('whose body is not as long as announced is refused where sessions live on', async () => {
    const server = await stage.serve({ revision: 'preview3' });
    const peer = await SessionPeer.open(stage, server);
    peer.raw.send(probe(1, 10, 0));
    expect(await peer.answers()).toEqual(['error connection 0 malformed_body']);
    peer.submit(1);
    expect((await (await server.accept()).receiveSubmit()).frameId).toBe(1);
  });
});
