import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, it } from 'vitest';
import { CLIENT_HELLO } from '../../src/connection/sending/codecs.js';
import { messageBytes } from '../support/session-peer.js';
import { openBytes, packetBytes, submitBytes } from '../support/wire-packets.js';
import { endAll, MIB } from './memory-bounds/driven-end.js';
import { type Driven, drive, idOf, opens, ROOM } from './memory-bounds/driven-server.js';

/*
 * What a server holds for those that it knows little of: each room of docs/memory.md driven to its bound.
 */

const { MessageType } = preview3;
const KIB = 1024;

afterEach(endAll);

const hello: preview3.ClientHello = {
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 0b11,
  supportedPayloadKindBitmap: preview3.PAYLOAD_KIND_FLAGS_MASK,
  supportedCodecBitmap: 0,
  supportedCompressionBitmap: 0,
  supportedDtypeBitmap: 0,
  supportedLayoutBitmap: 0,
  cacheDigestBitmap: 0,
  cacheObjectBitmap: 0x1ff,
  cacheNamespaceCount: 0xffff,
  maxLaneCount: 1,
  maxCacheEntries: 0xffffffff,
  maxCacheBytes: 0xffffffff,
  targetCadenceX100: 0,
  latencyBudgetMs: 0,
  qualityTier: 0,
  degradePolicy: preview3.DegradePolicy.ServerDefault,
  requestedSessionId: 0,
  authBytes: 0,
  controlExtensionBytes: 0,
};

function* greeting(authBytes: number) {
  yield messageBytes(MessageType.ClientHello, CLIENT_HELLO, { ...hello, authBytes }, 0, new Uint8Array(authBytes));
}

/** Requests for sessions, each with so much authentication. */
function* asking(authBytes: number, count: number) {
  const open = openBytes({ authBytes, defaultDeadlineMs: 0 }, new Uint8Array(authBytes));
  for (let index = 0; index < count; index++) yield open;
}

/** One request, and what is meant for its session. */
function* hasty(connection: number, bodyBytes: number, count: number) {
  yield openBytes({ requestedSessionId: idOf(connection) });
  for (let frameId = 1; frameId <= count; frameId++)
    yield submitBytes(idOf(connection), frameId, new Uint8Array(bodyBytes));
}

/** A packet of which only a part comes. */
function dripping(start: Uint8Array, announced: number, sent: number): Uint8Array {
  const bytes = packetBytes(
    MessageType.FrameSubmit,
    1,
    1,
    submitBytes(1, 1).subarray(40, 40 + preview3.FRAME_SUBMIT_BYTES),
  );
  const packet = Buffer.concat([bytes, new Uint8Array(sent - bytes.length)]);
  packet.writeUInt32LE(announced, BODY_LENGTH);
  return Buffer.concat([start, packet]);
}
const BODY_LENGTH = preview3.COMMON_HEADER_OFFSETS.bodyLen;

const POLICY = { policyTimeoutMs: 100_000, handshakeTimeoutMs: 100_000 };

describe('what comes before a session holds what it is counted as', () => {
  it.each<[string, Driven]>([
    [
      'opens of one connection',
      {
        name: 'connectionOpeningBytes',
        use: 'policy',
        config: POLICY,
        bytes: () => asking(16_000, 64),
        least: MIB - 20_000,
      },
    ],
    ...[0, 16_000].map((authBytes): [string, Driven] => [
      `opens of many connections, ${authBytes} bytes of authentication`,
      {
        name: 'serverOpeningBytes',
        use: 'policy',
        config: POLICY,
        connections: 40,
        bytes: () => asking(authBytes, 60),
        // The bound of each connection, or as many opens as it may have waiting.
        least: 40 * 57 * (2048 + authBytes),
      },
    ]),
    [
      'submits behind an open',
      {
        name: 'connectionOpeningBytes',
        use: 'policy',
        config: POLICY,
        bytes: (connection) => hasty(connection, 30_000, 64),
        least: MIB,
      },
    ],
    [
      'small submits behind opens',
      {
        name: 'serverOpeningBytes',
        use: 'policy',
        config: POLICY,
        connections: 40,
        bytes: (connection) => hasty(connection, 16, 62),
        least: 40 * 60 * 512,
      },
    ],
    [
      'authentication of hellos',
      {
        name: 'serverHelloBytes',
        use: 'receive',
        config: { handshakeTimeoutMs: 100_000, maxHelloBytesTotal: ROOM, maxUnopenedPerAddress: 0 },
        connections: 400,
        bytes: () => greeting(60_000),
        least: ROOM / 2 - 60_000,
      },
    ],
    ...[200, 60 * KIB].map((sent): [string, Driven] => [
      `connections without a session, ${sent} bytes of a packet each`,
      {
        name: 'unopenedConnections',
        use: 'receive',
        config: { handshakeTimeoutMs: 100_000, maxUnopenedPerAddress: 0, maxUnopenedConnections: 500 },
        connections: 550,
        bytes: () => [dripping(new Uint8Array(0), 64 * KIB - 200, sent)],
        least: 500,
        bytesOfOne: 124 * KIB,
        resident: true,
      },
    ]),
    [
      'connections that are told that there is no room',
      {
        name: 'turnedAway',
        use: 'receive',
        config: { maxConnections: 1, maxUnopenedPerAddress: 0 },
        connections: 130,
        again: true,
        bytes: (connection) => [connection === 0 ? opens(0) : dripping(new Uint8Array(0), 64 * KIB - 200, 60 * KIB)],
        least: 64,
        bytesOfOne: 124 * KIB,
        resident: true,
      },
    ],
  ])('%s', async (_name, driven) => drive(driven), 60_000);
});

describe('a packet that is arriving holds little more than has come', () => {
  it.each<[string, Driven]>([
    ...[8, 30].map((sent): [string, Driven] => [
      `${sent} MiB of 64`,
      {
        name: 'packetBytes',
        use: 'receive',
        bytes: () => [dripping(opens(0), 64 * MIB - 200, sent * MIB)],
        least: sent * MIB,
        bytesOfOne: 64 / sent,
      },
    ]),
    [
      'few bytes of each of many',
      {
        name: 'sessions',
        use: 'receive',
        config: { maxSessionsPerConnection: 10 },
        connections: 300,
        bytes: (connection) => [dripping(opens(connection), 64 * MIB - 200, 1000)],
        least: 300,
        bytesOfOne: 60 * KIB,
      },
    ],
    [
      'sessions in which nothing happens',
      {
        name: 'sessions',
        use: 'receive',
        connections: 5,
        bytes: (connection) => [opens(connection, 1000)],
        least: 5000,
        bytesOfOne: 4 * KIB,
      },
    ],
  ])('%s', async (_name, driven) => drive(driven), 60_000);
});
