import { buildPacket } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SentListener, SentPiece } from '../../transport/contract/sent-pieces.js';
import { pinForSending } from '../../transport/stream/pinned.js';
import { SentBytes } from './sent-bytes.js';
import { SentCount } from './sent-count.js';
import { SentLog } from './sent-log.js';

const logs: SentLog[] = [];
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
});

/** A transport that hands on what it is given when it is asked to, or when a test says so. */
class Transport {
  private listener: SentListener | undefined;
  private waiting: SentPiece[] = [];

  tellSent(listener: SentListener): void {
    this.listener = listener;
  }

  settleSent(): void {
    this.listener?.append(this.waiting);
    this.waiting = [];
  }

  /** Given, and not handed on. */
  queue(...pieces: SentPiece[]): void {
    this.waiting.push(...pieces);
  }

  send(...pieces: SentPiece[]): void {
    this.queue(...pieces);
    this.settleSent();
  }
}

function logOf(windowBytes?: number, owed = 0) {
  let fences = 0;
  let rooms = 0;
  const transport = new Transport();
  const owner = {
    fence: () => {
      fences++;
      transport.queue(packet(MessageType.Ping));
    },
    confirmedRoom: () => rooms++,
    crashed: (error: unknown) => Promise.reject(error),
  };
  const log = new SentLog(owner, transport, owed, windowBytes);
  logs.push(log);
  return { log, transport, fences: () => fences, rooms: () => rooms };
}

const METADATA_BYTES: Partial<Record<MessageType, number>> = {
  [MessageType.FrameSubmit]: 72,
  [MessageType.SessionOpenAck]: 56,
  [MessageType.FlowUpdate]: 32,
};

function packet(messageType: MessageType, sessionId = 0, frameId = 0, bodyBytes = 0): Uint8Array {
  const metadata = new Uint8Array(METADATA_BYTES[messageType] ?? 0);
  return Buffer.concat(buildPacket({ messageType, sessionId, frameId }, metadata, new Uint8Array(bodyBytes)));
}

const submit = (sessionId: number, frameId: number, bodyBytes = 10) =>
  packet(MessageType.FrameSubmit, sessionId, frameId, bodyBytes);
const ping = () => packet(MessageType.Ping);
const frames = (log: SentLog, count: SentCount) => log.unconfirmed(count).map(({ frameId }) => frameId);

describe('the log of what was sent', () => {
  it('keeps what comes behind the last fence that was answered, by session', () => {
    const { log, transport } = logOf();
    const [one, two] = [new SentCount(1), new SentCount(2)];
    log.begin(one, 'now');
    log.begin(two, 'now');
    transport.send(
      submit(1, 1, 20_000),
      submit(2, 1),
      ping(),
      submit(1, 2, 30_000),
      submit(2, 2),
      submit(3, 9),
      ping(),
    );
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

  it('finds the packets in pieces of any length, and in bodies that are lent', () => {
    const whole = Buffer.concat([submit(1, 1), ping(), submit(1, 2, 300), submit(1, 3, 0), ping(), submit(1, 4)]);
    for (let length = 1; length < 200; length++) {
      const { log, transport } = logOf();
      const count = new SentCount(1);
      log.begin(count, 'now');
      for (let from = 0; from < whole.length; from += length) transport.send(whole.subarray(from, from + length));
      log.confirmed();
      expect([length, frames(log, count), count.packets]).toEqual([length, [2, 3, 4], 4]);
    }
    const { log, transport } = logOf();
    const count = new SentCount(1);
    log.begin(count, 'now');
    const long = submit(1, 5, 70_000);
    const body = long.subarray(112).fill(7);
    transport.send(submit(1, 4), { head: long.subarray(0, 112), body, bodyLength: 70_000 }, submit(1, 6));
    expect([frames(log, count), count.packets]).toEqual([[4, 5, 6], 3]);
    // A copy: its sender may do with it what it likes.
    body.fill(8);
    expect(log.unconfirmed(count)[1]?.body.every((byte) => byte === 7)).toBe(true);
  });

  it('keeps long bodies as they were when they left: received ones, too, may be changed and sent again', () => {
    const { log, transport } = logOf();
    const count = new SentCount(1);
    log.begin(count, 'now');
    const long = submit(1, 1, 70_000);
    const body = new Uint8Array(70_000);
    pinForSending(body.buffer);
    for (const value of [1, 2]) {
      body.fill(value);
      transport.send({ head: long.subarray(0, 112), body, bodyLength: 70_000 });
    }
    const kept = log.unconfirmed(count).map((packet) => packet.body);
    expect(kept.map((bytes) => [bytes.length, bytes[0], bytes.at(-1)])).toEqual([
      [70_000, 1, 1],
      [70_000, 2, 2],
    ]);
  });

  it('finds the same packets in a long piece, in its halves wherever they are cut, and one by one', () => {
    const sent = Array.from({ length: 64 }, (_, index) => submit(0xffff_fffe + (index % 2), 0x8000_0000 + index));
    const all = Buffer.concat(sent);
    const cuts = Array.from({ length: 40 }, (_, index) => 4090 + index);
    const ways = [[all], sent, ...cuts.map((at) => [all.subarray(0, at), all.subarray(at)])];
    for (const pieces of ways) {
      const { log, transport } = logOf();
      const counts = [new SentCount(0xffff_fffe), new SentCount(0xffff_ffff)];
      for (const count of counts) log.begin(count, 'now');
      transport.send(...pieces);
      expect(counts.map(({ packets, lastSubmit }) => [packets, lastSubmit])).toEqual([
        [32, 0x8000_003e],
        [32, 0x8000_003f],
      ]);
      expect(frames(log, counts[1] as SentCount)).toHaveLength(32);
    }
  });

  it('does not take what an earlier session of the same id has sent for the new one', () => {
    const { log, transport } = logOf();
    const [first, second] = [new SentCount(7), new SentCount(7)];
    log.begin(first, 'now');
    transport.send(submit(7, 1, 20_000));
    // The transport has not handed it on yet.
    transport.queue(submit(7, 2));
    log.begin(second, 'now');
    expect(frames(log, second)).toEqual([]);
    transport.send(submit(7, 1, 17_000), submit(7, 2));
    expect(log.unconfirmed(second).map(({ frameId, bodyLength }) => [frameId, bodyLength])).toEqual([
      [1, 17_000],
      [2, 10],
    ]);
    expect([first.packets, second.packets]).toEqual([2, 2]);
    // What the first one has sent is still its own.
    expect(frames(log, first)).toEqual([1, 2]);
  });

  it('counts what comes behind the acknowledgement that opens the session, where it waits for that', () => {
    const { log, transport } = logOf();
    const count = new SentCount(7);
    log.begin(count, 'open_ack');
    transport.send(submit(7, 1), packet(MessageType.SessionOpenAck, 7), submit(7, 2));
    expect([frames(log, count), count.packets]).toEqual([[2], 1]);
  });

  it('does not take the acknowledgement of a session that is over for that of the next one of its id', () => {
    for (const isForgotten of [true, false]) {
      const { log, transport } = logOf();
      const [first, second] = [new SentCount(7), new SentCount(7)];
      log.begin(first, 'open_ack');
      transport.queue(packet(MessageType.SessionOpenAck, 7), submit(7, 1));
      if (isForgotten) log.forget(first);
      log.begin(second, 'open_ack');
      transport.send(submit(7, 2), packet(MessageType.SessionOpenAck, 7), submit(7, 3));
      expect([frames(log, second), second.packets]).toEqual([[3], 1]);
    }
  });

  it('does not count a packet whose body the transport has left out', () => {
    const { log, transport } = logOf();
    const count = new SentCount(1);
    log.begin(count, 'now');
    transport.send(submit(1, 1, 30_000), submit(1, 2));
    log.leftOut(1, 1);
    expect([frames(log, count), count.packets]).toEqual([[2], 1]);
    // It is not there.
    log.leftOut(1, 9);
    expect([frames(log, count), count.packets]).toEqual([[2], 1]);
  });

  it('keeps nothing while nothing that counts is under way', () => {
    const { log, transport } = logOf();
    const count = new SentCount(7);
    log.begin(count, 'open_ack');
    transport.send(packet(MessageType.SessionOpenAck, 7), packet(MessageType.Pong), submit(3, 1));
    expect(log.byteLength).toBe(0);
    transport.send(submit(7, 1), ping(), packet(MessageType.Pong));
    expect(log.byteLength).toBeGreaterThan(0);
    log.confirmed();
    expect([log.byteLength, frames(log, count), count.packets]).toEqual([0, [], 1]);
    // It goes on from there, also behind a packet that has been handed on in part.
    const part = packet(MessageType.FlowUpdate);
    transport.send(part.subarray(0, 45));
    transport.send(part.subarray(45), submit(7, 2));
    expect([frames(log, count), count.packets]).toEqual([[2], 2]);
  });

  it('does not take the answers to PINGs from before for those to its fences', () => {
    const { log, transport } = logOf(undefined, 2);
    const count = new SentCount(1);
    log.begin(count, 'now');
    transport.send(submit(1, 1), ping());
    log.confirmed();
    log.confirmed();
    expect(frames(log, count)).toEqual([1]);
    log.confirmed();
    expect(frames(log, count)).toEqual([]);
  });

  it('is overfull when even what may go ahead of a full log has filled it a quarter more', () => {
    const { log, transport } = logOf(100_000);
    log.begin(new SentCount(1), 'now');
    transport.send(submit(1, 1, 100_000));
    expect([log.isFull, log.isOverfull]).toEqual([true, false]);
    transport.send(...Array.from({ length: 650 }, () => packet(MessageType.Pong)));
    expect(log.isOverfull).toBe(true);
    transport.send(ping());
    log.confirmed();
    expect([log.isFull, log.isOverfull]).toEqual([false, false]);
  });

  it('is not overfull by one packet that is longer than what may be unconfirmed', () => {
    const { log, transport } = logOf(100_000);
    log.begin(new SentCount(1), 'now');
    transport.send(submit(1, 1, 1_000_000));
    expect([log.isFull, log.isOverfull]).toEqual([true, false]);
    transport.send(...Array.from({ length: 600 }, () => packet(MessageType.Pong)));
    expect(log.isOverfull).toBe(false);
    transport.send(...Array.from({ length: 50 }, () => packet(MessageType.Pong)));
    expect(log.isOverfull).toBe(true);
  });

  it('is gone through once for all sessions of a connection that is lost', () => {
    const walks = vi.spyOn(SentBytes.prototype, 'packets');
    onTestFinished(() => walks.mockRestore());
    const { log, transport } = logOf();
    const counts = Array.from({ length: 500 }, (_, at) => new SentCount(at + 1));
    for (const count of counts) log.begin(count, 'now');
    for (const { sessionId } of counts) transport.send(submit(sessionId, 1), submit(sessionId, 2));
    for (const count of counts) expect(frames(log, count)).toEqual([1, 2]);
    expect(walks).toHaveBeenCalledTimes(1);
    // What comes behind is found all the same.
    transport.send(submit(7, 3));
    expect(frames(log, counts[6] as SentCount)).toEqual([1, 2, 3]);
  });

  it('calls back when what was sent before has arrived, and not earlier', () => {
    const { log, transport } = logOf();
    const told: string[] = [];
    log.begin(new SentCount(1), 'now');
    transport.send(ping());
    // A fence that has not been handed on either stands before what is asked about.
    transport.queue(submit(1, 1), ping(), submit(1, 2));
    log.whenArrived(() => told.push('arrived'));
    log.confirmed();
    log.confirmed();
    expect(told).toEqual([]);
    transport.send(ping());
    log.confirmed();
    expect(told).toEqual(['arrived']);
  });

  it('is full at its window, asks for a fence then, and says when half of it is confirmed', () => {
    const { log, transport, rooms } = logOf(100_000);
    log.begin(new SentCount(1), 'now');
    for (let frameId = 1; !log.isFull; frameId++) transport.send(submit(1, frameId, 30_000));
    expect(log.isFenceDue).toBe(true);
    transport.send(ping());
    expect([rooms(), log.isFenceDue]).toEqual([0, false]);
    log.confirmed();
    expect([rooms(), log.isFull]).toEqual([1, false]);
  });

  it('wants a fence for each 256 KiB while none is under way, and for each MiB else; never two at once', () => {
    const { log, transport, fences } = logOf();
    log.begin(new SentCount(1), 'now');
    const sendUntilDue = () => {
      let sent = 0;
      for (; !log.isFenceDue && sent < 4096; sent += 16) transport.send(submit(1, 1, 16 * 1024 - 112));
      return sent;
    };
    expect(sendUntilDue()).toBe(256);
    log.fence();
    expect([fences(), sendUntilDue()]).toEqual([1, 1024]);
    log.fence();
    // It has not left: the transport may have no room.
    expect(log.isFenceDue).toBe(false);
    transport.settleSent();
    log.confirmed();
    log.confirmed();
    expect(sendUntilDue()).toBe(256);
  });

  it('is full earlier while all logs together hold a great deal, and stays so until it says that there is room', () => {
    const other = logOf(Number.POSITIVE_INFINITY);
    other.log.begin(new SentCount(1), 'now');
    const { log, transport, rooms } = logOf();
    log.begin(new SentCount(1), 'now');
    transport.send(submit(1, 1, 400_000));
    expect(log.isFull).toBe(false);
    for (let sent = 0; sent < 34; sent++) other.transport.send(submit(1, 1, 1024 * 1024));
    transport.send(submit(1, 2));
    expect([log.isFull, log.isFenceDue, log.isOverfull]).toEqual([true, true, false]);
    other.log.close();
    transport.send(submit(1, 3), ping());
    expect([log.isFull, rooms()]).toEqual([true, 0]);
    log.confirmed();
    expect([log.isFull, rooms()]).toEqual([false, 1]);
  });
});
