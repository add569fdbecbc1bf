import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { RESULT_PUSH, SESSION_OPEN_ACK } from '../../src/connection/sending/codecs.js';
import { eventually } from '../support/eventually.js';
import { COMPLETE, OPENED } from '../support/scripted-server.js';
import { messageBytes } from '../support/session-peer.js';
import { openBytes, packetBytes, submitBytes } from '../support/wire-packets.js';
import {
  accepted,
  dialled,
  endAll,
  expectHeld,
  flood,
  listening,
  MIB,
  settled,
  startEnd,
} from './memory-bounds/driven-end.js';

/*
 * What is counted is what is held: one end runs in a process of its own, as it is built, and is driven to its bound by a
 * peer that does its worst.
 */

const { MessageType } = preview3;

afterEach(endAll);

/** The same over and over. */
function* always(bytes: Uint8Array) {
  for (;;) yield bytes;
}

describe('what is counted at the bound is what is held', () => {
  it('by the outbox of a server: partial results of one byte', async () => {
    const { child, said } = startEnd('end.mjs', 'server');
    const socket = dialled(await listening(said));
    socket.pause();
    socket.write(openBytes({ requestedSessionId: 1, maxInFlightOperations: 1, defaultDeadlineMs: 0 }));
    socket.write(submitBytes(1, 1));
    const measured = await settled(child, 15 * MIB);
    expect(measured.counted).toBeLessThanOrEqual(16 * MIB + 1024);
    expectHeld(measured);
  });

  it('by the outbox of a client: answers to PINGs of a server that takes none', async () => {
    const { child } = startEnd('end.mjs', 'pings');
    const socket = await accepted(child);
    socket.pause();
    flood(socket, always(Buffer.concat(Array.from({ length: 20_000 }, () => packetBytes(MessageType.Ping)))));
    const measured = await settled(child, 500 * 1024);
    expect(measured.counted).toBeLessThan(MIB);
    expectHeld(measured);
  });

  it.each([
    ['empty ones', 0, 0],
    ['large ones', 10_000, 0],
    ['few in chunks full of something else', 0, 1500],
  ])(
    'by results that nobody reads while an answer is awaited: %s',
    async (_name, bodyBytes, hints) => {
      const maxBytes = 8 * MIB;
      const { child, said } = startEnd('end.mjs', 'unread', String(hints === 0 ? maxBytes : MIB));
      const socket = await accepted(child);
      const ack = { ...OPENED, sessionId: 1, serverSessionTag: 1n };
      socket.write(messageBytes(MessageType.SessionOpenAck, SESSION_OPEN_ACK, ack, 1));
      socket.resume();
      const metadata = { ...COMPLETE, resultClass: preview3.ResultClass.Partial };
      const head = new Uint8Array(RESULT_PUSH.bytes);
      RESULT_PUSH.encode(metadata, new DataView(head.buffer), 0);
      const result = packetBytes(MessageType.ResultPush, 1, 1, head, new Uint8Array(bodyBytes));
      const hint = packetBytes(MessageType.ResultHint, 1, 0, new Uint8Array(16));
      const unit = Buffer.concat([result, ...Array.from({ length: hints }, () => hint)]);
      await eventually(() => socket.bytesRead > 200, 'the submit has come');
      flood(socket, always(Buffer.concat(Array.from({ length: Math.ceil(MIB / unit.length) }, () => unit))));
      expectHeld(await settled(child, (hints === 0 ? 2 * maxBytes : 2 * MIB) - 1024), hints === 0);
      expect(said.some(({ failed }) => failed === 'unread_results')).toBe(true);
    },
    60_000,
  );
});
