import { buildPacket } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { LoggedPacket } from './logged-packet.js';
import { SentCount, SentLog } from './sent-log.js';

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

const METADATA_BYTES: Partial<Record<MessageType, number>> = {
  [MessageType.FrameSubmit]: 72,
  [MessageType.SessionOpenAck]: 56,
};

function packet(messageType: MessageType, sessionId = 0, frameId = 0, bodyBytes = 0): LoggedPacket {
  const metadata = new Uint8Array(METADATA_BYTES[messageType] ?? 0);
  const body = new Uint8Array(bodyBytes);
  const isLong = bodyBytes > 16 * 1024;
  const [bytes] = [Buffer.concat(buildPacket({ messageType, sessionId, frameId }, metadata, body))];
  const headBytes = 40 + metadata.length;
  const kept = new Uint8Array(bytes.subarray(0, isLong ? headBytes : bytes.length));
  return new LoggedPacket(kept, headBytes, bodyBytes, isLong ? body : undefined);
}

const submit = (sessionId: number, frameId: number, bodyBytes = 10) =>
  packet(MessageType.FrameSubmit, sessionId, frameId, bodyBytes);
const frames = (log: SentLog, count: SentCount) => log.unconfirmed(count).map(({ frameId }) => frameId);

describe('the log of what was sent', () => {
  it('keeps what comes behind the last fence that was answered, by session', () => {
    const { log } = logOf();
    const [one, two] = [new SentCount(1), new SentCount(2)];
    log.begin(one, 'now');
    log.begin(two, 'now');
    log.add(submit(1, 1, 20_000));
    log.add(submit(2, 1));
    log.add(packet(MessageType.Ping));
    log.add(submit(1, 2, 30_000));
    log.add(submit(2, 2));
    log.add(submit(3, 9));
    log.add(packet(MessageType.Ping));
    expect([frames(log, one), frames(log, two)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    log.confirmed();
    expect([frames(log, one), frames(log, two)]).toEqual([[2], [2]]);
    expect(log.unconfirmed(one)[0]?.body.length).toBe(30_000);
    log.confirmed();
    expect([frames(log, one), frames(log, two), log.byteLength]).toEqual([[], [], 0]);
    expect([one, two].map(({ packets, lastSubmit }) => [packets, lastSubmit])).toEqual([
      [2, 2],
      [2, 2],
    ]);
  });

  it('does not take what an earlier session of the same id has sent for the new one', () => {
    const { log } = logOf();
    const [first, second] = [new SentCount(7), new SentCount(7)];
    log.begin(first, 'now');
    log.add(submit(7, 1, 20_000));
    log.add(submit(7, 2));
    log.begin(second, 'now');
    expect(frames(log, second)).toEqual([]);
    log.add(submit(7, 1, 17_000));
    log.add(submit(7, 2));
    expect(log.unconfirmed(second).map(({ frameId, bodyLength, isIntact }) => [frameId, bodyLength, isIntact])).toEqual(
      [
        [1, 17_000, true],
        [2, 10, true],
      ],
    );
    // What the first one has sent is still its own.
    expect(frames(log, first)).toEqual([1, 2]);
  });

  it('counts what comes behind the acknowledgement that opens the session, where it waits for that', () => {
    const { log } = logOf();
    const count = new SentCount(7);
    log.begin(count, 'open_ack');
    log.add(submit(7, 1));
    log.add(packet(MessageType.SessionOpenAck, 7));
    log.add(submit(7, 2));
    expect([frames(log, count), count.packets]).toEqual([[2], 1]);
  });

  it('does not count a packet whose body the transport has left out', () => {
    const { log } = logOf();
    const count = new SentCount(1);
    log.begin(count, 'now');
    const long = submit(1, 1, 30_000);
    log.add(long);
    log.add(submit(1, 2));
    structuredClone(long.body.buffer, { transfer: [long.body.buffer as ArrayBuffer] });
    log.leftOut(1, 1);
    expect([frames(log, count), count.packets]).toEqual([[2], 1]);
  });

  it('calls back when what was sent before has arrived, and not earlier', () => {
    const { log } = logOf();
    const told: string[] = [];
    log.begin(new SentCount(1), 'now');
    log.add(packet(MessageType.Ping));
    log.add(submit(1, 1));
    log.whenArrived(() => told.push('arrived'));
    log.confirmed();
    expect(told).toEqual([]);
    log.add(packet(MessageType.Ping));
    log.confirmed();
    expect(told).toEqual(['arrived']);
  });

  it('is full at its window, and says when half of that is confirmed', () => {
    const { log, rooms } = logOf(100_000);
    log.begin(new SentCount(1), 'now');
    for (let frameId = 1; !log.isFull; frameId++) log.add(submit(1, frameId, 30_000));
    log.add(packet(MessageType.Ping));
    expect(rooms()).toBe(0);
    log.confirmed();
    expect([rooms(), log.isFull]).toEqual([1, false]);
  });
});
