import fc from 'fast-check';
import { UsageError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { sessionOpen } from '../contract/client-config.js';
import { crc32 } from './crc32.js';
import { readUpTo, type Ticket, type TicketFrame } from './ticket.js';
import { MAX_TICKET_BYTES, MAX_TICKET_FRAMES } from './ticket-bytes.js';
import { readTicket, ticketAddress, ticketText } from './ticket-text.js';

const FLOW: preview3.FlowUpdate = {
  scopeKind: preview3.ScopeKind.Session,
  updateReason: preview3.UpdateReason.Pause,
  backpressureLevel: preview3.BackpressureLevel.Hard,
  connectionCredit: 0,
  sessionCredit: 7,
  operationCredit: 0,
  operationId: 0n,
  retryAfterMs: 0,
  creditEpoch: 9,
  flowFlags: preview3.FlowFlags.CreditValid,
};

const SENT = 2 ** 40;
const RECEIVED = 2 ** 41;
const u32 = fc.nat({ max: 0xffffffff });

const frame = (frameId: number): fc.Arbitrary<TicketFrame> =>
  fc
    .record({
      operationId: fc.oneof(fc.constant(BigInt(frameId)), fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })),
      isCancelled: fc.boolean(),
      isOver: fc.boolean(),
      wasSent: fc.boolean(),
      distance: fc.integer({ min: 1, max: 0xffffffff }),
      hasArrived: fc.boolean(),
      unread: fc.integer({ min: 1, max: 0xffffffff }),
      isRead: fc.boolean(),
      deadlineMs: u32,
      leftMs: u32,
      isText: fc.boolean(),
      textTail: fc.uint8Array({ maxLength: 3 }),
    })
    .map(({ distance, hasArrived, unread, isRead, isCancelled, ...common }) => {
      const isOver = common.isOver && !isCancelled;
      const wasSent = common.wasSent;
      const submit = wasSent ? (hasArrived ? 0 : SENT - distance + 1) : SENT + distance;
      const unreadFrom = isRead && !isOver ? 0 : RECEIVED - unread + 1;
      return { ...common, frameId, isCancelled, isOver, wasSent, submit, unreadFrom };
    });

const ticket: fc.Arbitrary<Ticket> = fc
  .record({
    sessionId: fc.integer({ min: 1, max: 0xffffffff }),
    token: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    lastResultFrameId: u32,
    flowEpoch: u32,
    maxInFlight: fc.option(fc.nat({ max: 0xffff }), { nil: undefined }),
    flow: fc.constantFrom(undefined, FLOW),
    address: fc.string({ unit: 'grapheme', maxLength: 40 }),
    frames: fc
      .nat({ max: 12 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, at) => frame(at * 3 + 1))))
      .filter((frames) => new Set(frames.map(({ operationId }) => operationId)).size === frames.length),
  })
  .map((some) => ({
    ...some,
    received: RECEIVED,
    sent: SENT,
    highestFrameId: 100,
    open: sessionOpen({ requestedSessionId: 5, clientSessionTag: 2n ** 63n }),
  }));

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text.slice('nnrp1.'.length), 'base64url'));

/** Text of these bytes with the right check sum. */
function sealed(content: Uint8Array): string {
  const bytes = Buffer.alloc(4 + content.length);
  bytes.writeUInt32LE(crc32(content));
  bytes.set(content, 4);
  return `nnrp1.${bytes.toString('base64url')}`;
}

describe('the text of a ticket', () => {
  it('says all that the ticket says', () => {
    fc.assert(
      fc.property(ticket, (given) => {
        const text = ticketText(given);
        expect(text).toMatch(/^nnrp1\.[A-Za-z0-9_-]+$/);
        expect(readTicket(text)).toEqual(given);
        expect(ticketAddress(text)).toBe(given.address);
      }),
    );
  });

  it('is refused when anything of it is cut off, changed or added', () => {
    fc.assert(
      fc.property(ticket, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, place, change) => {
        const text = ticketText(given);
        const bytes = bytesOf(text);
        const at = place % bytes.length;
        bytes[at] = (bytes[at] as number) ^ change;
        const changed = `nnrp1.${Buffer.from(bytes).toString('base64url')}`;
        for (const wrong of [changed, text.slice(0, place % text.length), `${text}A`, `${text}=`, ` ${text}`])
          expect(() => readTicket(wrong)).toThrow(UsageError);
      }),
    );
  });

  it('is refused without being repeated, whatever it is', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.base64String().map((text) => `nnrp1.${text}`),
      fc.uint8Array({ maxLength: 400 }).map(sealed),
      fc.anything(),
    );
    fc.assert(
      fc.property(anything, (given) => {
        try {
          readTicket(given);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          if (typeof given === 'string' && given.length > 30) expect(String(error)).not.toContain(given);
          return;
        }
        expect.unreachable();
      }),
    );
  });

  it('says what no session could only when it is refused', () => {
    fc.assert(
      fc.property(ticket, fc.nat(), fc.nat({ max: 255 }), (given, place, value) => {
        const content = bytesOf(ticketText(given)).subarray(4);
        content[place % content.length] = value;
        const text = sealed(content);
        let read: Ticket;
        try {
          read = readTicket(text);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        // What is taken can be said again.
        expect(readTicket(ticketText(read))).toEqual(read);
        for (const { unreadFrom, submit } of read.frames) {
          expect(unreadFrom).toBeLessThanOrEqual(read.received);
          expect(unreadFrom).toBeGreaterThanOrEqual(0);
          expect(submit).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('is refused where two frames have one operation id', () => {
    const [given] = fc.sample(ticket, 1);
    if (given === undefined) throw new Error('no sample');
    const frames = [1, 4].flatMap((frameId) => fc.sample(frame(frameId), 1));
    const withIds = (...ids: bigint[]) =>
      ticketText({ ...given, frames: frames.map((some, at) => ({ ...some, operationId: ids[at] as bigint })) });
    expect(readTicket(withIds(9n, 4n)).frames).toHaveLength(2);
    // The second of them is the id that a frame has by itself.
    for (const id of [9n, 4n, 2n ** 64n - 1n]) expect(() => readTicket(withIds(id, id))).toThrow(UsageError);
  });

  it.each([
    ['another version', 'nnrp2.AAAA', 'it is of another version'],
    ['something else', 'eyJhbGciOiJIUzI1NiJ9', 'got 20 characters of something else'],
    ['nothing', '', 'got 0 characters of something else'],
    ['no text', { nnrp1: 1 }, 'got'],
    ['a long one', `nnrp1.${'A'.repeat(300_000)}`, 'got 300006 characters, more than a ticket has'],
  ])('%s is refused, and the error says what was expected', (_, given, why) => {
    const expected = 'ticket: expected what NnrpClientSession.ticket() gives, which begins with nnrp1.; ';
    expect(() => readTicket(given)).toThrow(`${expected}${why}`);
  });

  it('is bounded', () => {
    const [[given], [one]] = [fc.sample(ticket, 1), fc.sample(frame(1), 1)];
    if (given === undefined || one === undefined) throw new Error('no sample');
    const longest = { ...one, textTail: new Uint8Array(3), operationId: 2n ** 64n - 1n };
    const frames = Array.from({ length: MAX_TICKET_FRAMES }, (_, at) => ({
      ...longest,
      frameId: at + 1,
      operationId: longest.operationId - BigInt(at),
    }));
    const text = ticketText({ ...given, frames, highestFrameId: MAX_TICKET_FRAMES });
    expect(bytesOf(text).length).toBeLessThan(MAX_TICKET_BYTES);
    expect(readTicket(text).frames).toHaveLength(MAX_TICKET_FRAMES);
    // 512 operations, as a page keeps them.
    const counted = frames.slice(0, 512).map((some) => ({ ...some, operationId: BigInt(some.frameId) }));
    const some = ticketText({ ...given, frames: counted, highestFrameId: 512 });
    expect(some.length).toBeLessThan(20_000);
  });

  it('leaves an address out that is too long', () => {
    const [given] = fc.sample(ticket, 1);
    if (given === undefined) throw new Error('no sample');
    expect(ticketAddress(ticketText({ ...given, address: 'x'.repeat(256) }))).toBe('');
  });

  it('knows from where on something was not read', () => {
    const [given] = fc.sample(ticket, 1);
    const [one] = fc.sample(frame(1), 1);
    if (given === undefined || one === undefined) throw new Error('no sample');
    const frames = [
      { ...one, unreadFrom: 0 },
      { ...one, frameId: 2, unreadFrom: RECEIVED - 4 },
    ];
    expect(readUpTo({ ...given, frames })).toBe(RECEIVED - 5);
    expect(readUpTo({ ...given, frames: [] })).toBe(RECEIVED);
  });
});

describe('crc32', () => {
  it('is that of gzip', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });
});
