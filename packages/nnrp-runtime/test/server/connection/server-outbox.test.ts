import { ClosedError, type Packet, type UsageError } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import type { SentLog } from '../../../src/connection/recovery/sent-log.js';
import { CONTROL_LANE, Outbox, type OutboxLimits, type OutboxOwner } from '../../../src/connection/sending/outbox.js';
import { TEXT_BYTES } from '../../../src/connection/sending/waiting-packet.js';
import type { FramedTransport, OutboundPacket } from '../../../src/transport/contract/contract.js';
import type { NamedPacket } from '../../../src/transport/contract/named-packet.js';

const INTERACTIVE = 1;
const BALANCED = 2;
const BACKGROUND = 3;
const PACKET_BYTES = 10;
/** What one of them holds while it waits. */
const HELD_BYTES = PACKET_BYTES + TEXT_BYTES;

/** A packet that is known by its body. */
const RESULT = { messageType: MessageType.ResultPush, sessionId: 1, frameId: 1 };

function packet(name: string): NamedPacket {
  const body = new TextEncoder().encode(name.padEnd(PACKET_BYTES));
  return { ...RESULT, headBytes: 0, writeHead: () => {}, body, bodyLength: body.length };
}

/** An outbox on a transport that takes as many packets as it is told. */
class Scene implements OutboxOwner {
  readonly sent: string[] = [];
  readonly told: string[] = [];
  room = 0;
  readonly outbox: Outbox;

  constructor(limits: Partial<OutboxLimits> = {}) {
    const send = ({ body }: OutboundPacket) => {
      this.sent.push(new TextDecoder().decode(body).trim());
      return --this.room > 0;
    };
    const transport = { send } as unknown as FramedTransport;
    this.outbox = new Outbox(
      transport,
      { maxOutboxBytes: 100 * HELD_BYTES, heldBackBytes: 100 * HELD_BYTES, slowReader: 'disconnect', ...limits },
      this,
    );
  }

  crashed(error: unknown): void {
    throw error;
  }

  packetLeaves = () => {};
  transportIsFull = (isFull: boolean) => void this.told.push(isFull ? 'full' : 'not full');
  outboxHalfFull = () => void this.told.push('half full');
  partialDropped = () => {};
  outboxDrained = () => void this.told.push('drained');
  leftOut = (_head: Packet, error: UsageError) => void this.told.push(error.rawMessage);
  outboxOverflowed = () => void this.told.push('overflowed');

  send(name: string, lane: number, partial = false): boolean {
    return this.outbox.send(packet(name), lane, partial);
  }

  /** The transport has room for so many packets. */
  drain(room: number): string[] {
    this.sent.length = 0;
    this.room = room;
    this.outbox.drained();
    return [...this.sent];
  }
}

describe('an outbox', () => {
  it('passes packets on while there is room, and keeps the rest: the control lane first, then by priority', () => {
    const scene = new Scene();
    scene.room = 2;
    expect(scene.send('a', BACKGROUND)).toBe(true);
    expect(scene.send('b', BACKGROUND)).toBe(false);
    for (const lane of [BACKGROUND, BALANCED, INTERACTIVE, CONTROL_LANE]) {
      expect(scene.send(`${lane}x`, lane)).toBe(false);
      expect(scene.send(`${lane}y`, lane)).toBe(false);
    }
    expect(scene.sent).toEqual(['a', 'b']);
    expect(scene.told).toEqual(['full']);
    expect(scene.drain(100)).toEqual(['0x', '0y', '1x', '1y', '2x', '2y', '3x', '3y']);
    expect(scene.told).toEqual(['full', 'not full', 'drained']);
    expect(scene.outbox.byteLength).toBe(0);
  });

  it('lets what comes later overtake what waits on a lesser lane', () => {
    const scene = new Scene();
    scene.room = 1;
    for (const name of ['first', 'bulk 1', 'bulk 2', 'bulk 3']) scene.send(name, BACKGROUND);
    expect(scene.drain(1)).toEqual(['bulk 1']);
    scene.send('urgent', INTERACTIVE);
    expect(scene.drain(100)).toEqual(['urgent', 'bulk 2', 'bulk 3']);
  });

  it('wakes who waits for room lane by lane: the first may fill it again', async () => {
    const scene = new Scene();
    scene.room = 1;
    scene.send('fills', BALANCED);
    const woken: string[] = [];
    const background = scene.outbox.whenDrained(BACKGROUND).then(() => woken.push('background'));
    const interactive = scene.outbox.whenDrained(INTERACTIVE).then(() => {
      woken.push('interactive');
      scene.send('fills it again', INTERACTIVE);
    });
    scene.drain(1);
    await interactive;
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(woken).toEqual(['interactive']);
    scene.drain(10);
    await background;
    expect(woken).toEqual(['interactive', 'background']);
  });

  it('ends the connection of a slow reader above its limit', () => {
    const scene = new Scene({ maxOutboxBytes: 2 * HELD_BYTES });
    scene.room = 1;
    for (const name of ['sent', 'a', 'b']) scene.send(name, BALANCED, true);
    expect(scene.told).toEqual(['full', 'half full', 'half full']);
    scene.send('c', BALANCED, true);
    expect(scene.told.at(-1)).toBe('overflowed');
  });

  it('leaves out the oldest partial results instead, least important first, and never anything else', () => {
    const scene = new Scene({ maxOutboxBytes: 4 * HELD_BYTES, slowReader: 'drop_oldest_partial' });
    scene.room = 1;
    scene.send('sent', BALANCED);
    scene.send('p1', INTERACTIVE, true);
    scene.send('last', BACKGROUND);
    scene.send('p2', BACKGROUND, true);
    scene.send('p3', BACKGROUND, true);
    scene.send('p4', INTERACTIVE, true);
    scene.send('p5', INTERACTIVE, true);
    expect(scene.outbox.droppedPartials).toBe(2);
    scene.send('p6', INTERACTIVE, true);
    expect(scene.told).not.toContain('overflowed');
    expect(scene.drain(100)).toEqual(['p4', 'p5', 'p6', 'last']);
  });

  it('ends the connection as well when there is nothing to leave out', () => {
    const scene = new Scene({ maxOutboxBytes: HELD_BYTES, slowReader: 'drop_oldest_partial' });
    scene.room = 1;
    for (const name of ['sent', 'a', 'b']) scene.send(name, BALANCED);
    expect(scene.told).toContain('overflowed');
    expect(scene.outbox.droppedPartials).toBe(0);
  });

  it('rejects who waits when the connection ends, and keeps nothing', async () => {
    const scene = new Scene();
    scene.room = 1;
    scene.send('sent', BALANCED);
    scene.send('waits', BALANCED);
    const waiting = scene.outbox.whenDrained(BALANCED);
    const reason = new ClosedError('over');
    scene.outbox.end(reason);
    await expect(waiting).rejects.toMatchObject({ code: reason.code, cause: reason });
    await expect(scene.outbox.whenDrained(BALANCED)).rejects.toMatchObject({ code: reason.code, cause: reason });
    expect(scene.send('late', BALANCED)).toBe(false);
    expect(scene.outbox.byteLength).toBe(0);
  });

  it('refuses a packet that cannot be written at the call, also when there is no room', () => {
    const scene = new Scene();
    scene.room = 1;
    scene.send('sent', BALANCED);
    const unwritable: NamedPacket = {
      ...RESULT,
      headBytes: 4,
      bodyLength: 0,
      body: new Uint8Array(0),
      writeHead: () => {
        throw new Error('does not fit');
      },
    };
    expect(() => scene.outbox.send(unwritable, BALANCED, false)).toThrow('does not fit');
    expect(scene.drain(10)).toEqual([]);
  });

  it('takes what is sent by who hears that the transport has room again', () => {
    const scene = new Scene();
    scene.room = 1;
    for (const name of ['fills', 'waits']) scene.send(name, BALANCED);
    scene.transportIsFull = (isFull) => {
      // As a request that is read now, and answered at once.
      if (!isFull) expect(scene.send('answer', BALANCED)).toBe(true);
    };
    expect(scene.drain(10)).toEqual(['waits', 'answer']);
    expect([scene.outbox.byteLength, scene.outbox.isFull]).toEqual([0, false]);
  });

  it('lets out what makes room in a full log, and nothing else, when the transport has room again', () => {
    const scene = new Scene();
    const log = { keepsItself: false, isFull: true, isFenceDue: false };
    scene.outbox.log = log as unknown as SentLog;
    scene.room = 1;
    for (const name of ['fills', 'result']) scene.send(name, BALANCED);
    scene.send('ping', CONTROL_LANE);
    expect([scene.sent, scene.told]).toEqual([['fills'], ['full']]);
    expect(scene.drain(10)).toEqual(['ping']);
    // So the answer is read.
    expect(scene.told).toEqual(['full', 'not full']);
    log.isFull = false;
    scene.room = 10;
    scene.outbox.confirmed();
    expect(scene.sent).toEqual(['ping', 'result']);
    expect(scene.told.at(-1)).toBe('drained');
  });
});
