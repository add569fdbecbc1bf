import { buildPacket } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { LoggedPacket } from './logged-packet.js';
import { type SentCount, SentLog } from './sent-log.js';

const logs: SentLog[] = [];
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
});

function logOf(windowBytes?: number) {
  let fences = 0;
  let rooms = 0;
  const owner = {
    fence: () => fences++,
    confirmedRoom: () => rooms++,
    crashed: (error: unknown) => Promise.reject(error),
  };
  const log = new SentLog(owner, windowBytes);
  logs.push(log);
  return { log, fences: () => fences, rooms: () => rooms };
}

function packet(messageType: MessageType, sessionId = 0, frameId = 0, bodyBytes = 0): LoggedPacket {
  const metadata = new Uint8Array(messageType === MessageType.FrameSubmit ? 72 : 0);
  const body = new Uint8Array(bodyBytes);
  const isLong = bodyBytes > 16 * 1024;
  const [bytes] = [Buffer.concat(buildPacket({ messageType, sessionId, frameId }, metadata, body))];
  const headBytes = 40 + metadata.length;
  const kept = new Uint8Array(bytes.subarray(0, isLong ? headBytes : bytes.length));
  return new LoggedPacket(kept, headBytes, bodyBytes, isLong ? body : undefined);
}

const submit = (sessionId: number, frameId: number, bodyBytes = 10) =>
  packet(MessageType.FrameSubmit, sessionId, frameId, bodyBytes);
const frames = (log: SentLog, sessionId: number) => log.unconfirmed(sessionId).map(({ frameId }) => frameId);

describe('the log of what was sent', () => {
  it('keeps what comes behind the last fence that was answered, by session', () => {
    const { log } = logOf();
    const counts: SentCount[] = [{ packets: 0 }, { packets: 0 }];
    log.begin(1, counts[0] as SentCount, 'now');
    log.begin(2, counts[1] as SentCount, 'now');
    log.add(submit(1, 1, 20_000));
    log.add(submit(2, 1));
    log.add(packet(MessageType.Ping));
    log.add(submit(1, 2, 30_000));
    log.add(submit(2, 2));
    log.add(submit(3, 9));
    log.add(packet(MessageType.Ping));
    expect([frames(log, 1), frames(log, 2), frames(log, 3)]).toEqual([[1, 2], [1, 2], []]);
    log.confirmed();
    expect([frames(log, 1), frames(log, 2)]).toEqual([[2], [2]]);
    expect(log.unconfirmed(1)[0]?.body.length).toBe(30_000);
    log.confirmed();
    expect([frames(log, 1), frames(log, 2), log.byteLength]).toEqual([[], [], 0]);
    expect(counts.map(({ packets, lastSubmit }) => [packets, lastSubmit])).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });

  it('does not take what an earlier session of the same id has sent for the new one', () => {
    const { log } = logOf();
    const first = { packets: 0 };
    log.begin(7, first, 'now');
    log.add(submit(7, 1, 20_000));
    log.add(submit(7, 2));
    log.forget(7, first);
    log.begin(7, { packets: 0 }, 'now');
    expect(frames(log, 7)).toEqual([]);
    log.add(submit(7, 1, 17_000));
    log.add(submit(7, 2));
    expect(log.unconfirmed(7).map(({ frameId, bodyLength, isIntact }) => [frameId, bodyLength, isIntact])).toEqual([
      [1, 17_000, true],
      [2, 10, true],
    ]);
  });

  it('is full at its window, and says when half of that is confirmed', () => {
    const { log, rooms } = logOf(100_000);
    log.begin(1, { packets: 0 }, 'now');
    for (let frameId = 1; !log.isFull; frameId++) log.add(submit(1, frameId, 30_000));
    log.add(packet(MessageType.Ping));
    expect(rooms()).toBe(0);
    log.confirmed();
    expect([rooms(), log.isFull]).toEqual([1, false]);
  });
});
