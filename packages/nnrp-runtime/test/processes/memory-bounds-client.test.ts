import { PacketSplitter } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CACHE_PUT,
  ERROR_MESSAGE,
  FLOW_UPDATE,
  RESULT_PUSH,
  SESSION_OPEN_ACK,
} from '../../src/connection/sending/codecs.js';
import { eventually } from '../support/eventually.js';
import { COMPLETE, OPENED } from '../support/scripted-server.js';
import { messageBytes } from '../support/session-peer.js';
import { packetBytes } from '../support/wire-packets.js';
import { accepted, endAll, expectHeld, flood, MIB, settled, startEnd } from './memory-bounds/driven-end.js';

/*
 * What waits in a client, each room of docs/memory.md driven to its bound.
 */

const { MessageType } = preview3;

afterEach(endAll);

async function opened(role: string, option = '') {
  const started = startEnd('end.mjs', role, option);
  const socket = await accepted(started.child);
  const ack = { ...OPENED, sessionId: 1, serverSessionTag: 1n };
  const announced = preview3.encodeControlExtensions([
    { type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload: preview3.encodePeerMessages() },
  ]);
  const metadata = { ...ack, sessionExtensionBytes: announced.length };
  socket.write(messageBytes(MessageType.SessionOpenAck, SESSION_OPEN_ACK, metadata, 1, announced));
  return { ...started, socket };
}

describe('what waits in a client holds what it is counted as', () => {
  it.each([
    ['patches', -1],
    ['cache puts of 16 bytes', 16],
    ['cache puts of 40,000 bytes', 40_000],
  ])(
    '%s',
    async (_name, bytes) => {
      const { child } = await opened('requests', String(bytes));
      const most = bytes > 1000 ? 32 * MIB : 15_300 * 2048;
      expectHeld(await settled(child, most - 64 * 1024), bytes > 1000);
    },
    60_000,
  );

  it.each([16, 3000])(
    'submits that wait for their turn, %i bytes each',
    async (bytes) => {
      const { child } = await opened('submits', String(bytes));
      const measured = await settled(child, 30_000);
      expectHeld({ ...measured, counted: measured.counted * (1024 + bytes) });
    },
    60_000,
  );
});

describe('results of operations that the server was asked to hold back hold what they are counted as', () => {
  it.each([0, 10_000])(
    'of %i bytes each',
    async (bodyBytes) => {
      const maxBytes = 8 * MIB;
      const { child, said, socket } = await opened('heldBack', String(maxBytes));
      const held = new Promise<void>((resolve) => {
        const splitter = new PacketSplitter();
        socket.on('data', (chunk: Buffer) => {
          splitter.push(new Uint8Array(chunk));
          for (let packet = splitter.next(); packet !== undefined; packet = splitter.next())
            if (packet.messageType === MessageType.FlowUpdate) resolve();
        });
      });
      const head = new Uint8Array(RESULT_PUSH.bytes);
      const metadata = { ...COMPLETE, resultClass: preview3.ResultClass.Partial };
      RESULT_PUSH.encode(metadata, new DataView(head.buffer), 0);
      const result = packetBytes(MessageType.ResultPush, 1, 1, head, new Uint8Array(bodyBytes));
      await eventually(() => socket.bytesRead > 200, 'the submit has come');
      const unit = Buffer.concat(Array.from({ length: Math.ceil(MIB / result.length) }, () => result));
      // More than it may hold: it is asked to hold them back, and does not.
      flood(socket, Array.from({ length: 40 }, () => unit)[Symbol.iterator]());
      await held;
      const ofOne = result.length;
      const most = maxBytes + (8 * MIB * (ofOne + 256)) / ofOne;
      const measured = await settled(child, most - MIB);
      expect(measured.counted).toBeLessThan(most + MIB);
      expectHeld(measured, bodyBytes > 0);
      expect(said.some(({ failed }) => failed !== undefined)).toBe(false);
    },
    60_000,
  );
});

describe('what waits in streams of events holds what it is counted as', () => {
  const error: preview3.ErrorMessage = {
    errorCode: 1,
    errorScope: preview3.ErrorScope.Session,
    isFatal: 0,
    retryAfterMs: 0,
    relatedSessionId: 1,
    relatedFrameId: 0,
    relatedViewId: 0,
    diagnosticBytes: 0,
  };
  const put: preview3.CachePut = {
    cacheNamespace: 1,
    cacheKeyHi: 0,
    cacheKeyLo: 1,
    objectKind: preview3.CacheObjectKind.PromptSegment,
    ttlMs: 0,
    objectBytes: 16,
    codecBitmap: 0,
    flags: 0,
  };
  const flow: preview3.FlowUpdate = {
    scopeKind: preview3.ScopeKind.Session,
    updateReason: preview3.UpdateReason.Grant,
    backpressureLevel: preview3.BackpressureLevel.None,
    connectionCredit: 0,
    sessionCredit: 1,
    operationCredit: 0,
    operationId: 0n,
    retryAfterMs: 0,
    creditEpoch: 1,
    flowFlags: 0,
  };
  const keys = Array.from({ length: 1200 }, (_, index) => `{"k${index.toString(36)}":{}}`);

  it.each<[string, Uint8Array, number]>([
    ['what says little', messageBytes(MessageType.FlowUpdate, FLOW_UPDATE, flow, 1), 0],
    [
      'strays in chunks full of something else',
      packetBytes(MessageType.SessionCloseAck, 1, 0, new Uint8Array(preview3.SESSION_CLOSE_ACK_BYTES)),
      1000,
    ],
    [
      'objects in chunks full of something else',
      messageBytes(MessageType.CachePut, CACHE_PUT, put, 1, 'sixteen bytes...'),
      1000,
    ],
    ['errors without a text', messageBytes(MessageType.Error, ERROR_MESSAGE, error, 1), 0],
    [
      'errors with a long text',
      messageBytes(MessageType.Error, ERROR_MESSAGE, error, 1, `{"message":"${'é'.repeat(7000)}"}`),
      0,
    ],
    [
      'errors with details of many parts',
      messageBytes(MessageType.Error, ERROR_MESSAGE, error, 1, `{"details":[${keys.join(',')}]}`),
      0,
    ],
  ])(
    '%s',
    async (_name, packet, hints) => {
      const { child, said, socket } = await opened('events');
      await eventually(() => said.some((message) => 'ready' in message), 'somebody listens');
      socket.resume();
      const hint = packetBytes(MessageType.ResultHint, 1, 0, new Uint8Array(16));
      const unit = Buffer.concat([packet, ...Array.from({ length: hints }, () => hint)]);
      flood(socket, Array.from({ length: 1100 }, () => unit)[Symbol.iterator]());
      const measured = await settled(child, 400 * 1024);
      // Two streams, of the session and of the client.
      expect(measured.counted).toBeLessThan(9 * MIB);
      expectHeld(measured);
    },
    60_000,
  );
});
