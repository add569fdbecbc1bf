import { buildPacket, decodePacket, type Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { FramedTransport, OutboundPacket, PacketSink } from 'nnrp-runtime/transport';
import { beforeEach, expect, test } from 'vitest';
import { AnswerBook } from './answer-book.js';
import { type SessionBook, Totals } from './session-book.js';

const { CloseStatus, MessageType, SessionErrorCode } = preview3;
const SESSION = 5;

let totals: Totals;
let books: AnswerBook;
let book: SessionBook;

beforeEach(() => {
  totals = new Totals();
  books = new AnswerBook(totals);
  books.begin(SESSION);
  book = books.session(SESSION) as SessionBook;
});

function bytesOf(messageType: number, frameId: number, metadata = new Uint8Array(0)): Uint8Array {
  const parts = buildPacket({ messageType, sessionId: SESSION, frameId }, metadata);
  return new Uint8Array(Buffer.concat(parts));
}

function packet(messageType: number, frameId: number, metadata?: Uint8Array<ArrayBuffer>): Packet {
  return decodePacket(bytesOf(messageType, frameId, metadata));
}

const drop = (frameId: number) => packet(MessageType.ResultDrop, frameId);

function closed(): Packet {
  const metadata = new Uint8Array(preview3.SESSION_CLOSE_ACK_BYTES);
  const ack = { closeStatus: CloseStatus.Closed, lastOperationId: 0n, sessionErrorCode: SessionErrorCode.None };
  preview3.encodeSessionCloseAck(ack, new DataView(metadata.buffer));
  return packet(MessageType.SessionCloseAck, 0, metadata);
}

/** Comes in one chunk with the acknowledgement of a resume: the submits have waited for room, and are settled after it. */
function answeredAndClosed(...frameIds: number[]): void {
  for (const frameId of frameIds) book.sent(frameId);
  for (const frameId of frameIds) books.enter(drop(frameId));
  books.enter(closed());
}

test('a frame whose answer and the end of its session come before its submit is settled is answered', () => {
  answeredAndClosed(1, 2);
  book.submitted(1);
  book.submitFailed(new Error('[NNRP_ERR_DEADLINE] frame 2: no answer by its deadline of 24 ms'));
  books.settled(book);
  expect(totals).toMatchObject({ submitted: 2, answered: 2, unasked: 0, lost: 0, denied: 0, odd: [] });
});

test('a session under the same id has a book of its own, before the other one is added up', () => {
  answeredAndClosed(1);
  books.begin(SESSION);
  const next = books.session(SESSION);
  book.submitted(1);
  books.settled(book);
  next?.sent(1);
  next?.submitted(1);
  books.closeAll(false);
  expect(totals).toMatchObject({ submitted: 2, answered: 1, lost: 1, late: 0 });
  expect(totals.odd).toEqual([expect.stringMatching(/^session 5, frame 1: without an answer at .*; sentAtMs/)]);
});

test('an answer to a frame that was never sent is one to no frame', () => {
  books.enter(drop(9));
  books.closeAll(false);
  expect(totals).toMatchObject({ submitted: 0, unasked: 1 });
  expect(totals.odd[0]).toMatch(/^session 5, frame 9: answered, and never sent/);
});

test('a second answer is told of, of a frame that is settled as well', () => {
  book.sent(1);
  book.submitted(1);
  books.enter(drop(1));
  books.enter(drop(1));
  // Sent again on another connection.
  book.sent(1);
  books.closeAll(false);
  expect(totals).toMatchObject({ submitted: 1, answered: 1, double: 1, denied: 0 });
});

test('a submit that was sent, and that the application takes for unsent, is a broken promise', () => {
  book.sent(1);
  book.sent(2);
  book.submitFailed(new Error('frame 1: its submit was not sent: session 5 was lost with its connection'));
  book.submitFailed(new Error('session 5 is being closed'));
  books.enter(drop(1));
  books.enter(closed());
  books.settled(book);
  expect(totals).toMatchObject({ denied: 2, submitted: 1, answered: 1 });
  expect(totals.odd).toHaveLength(2);
});

test('a submit that was not sent needs no answer', () => {
  book.submitFailed(new Error('frame 1: its submit was not sent: session 5 was lost with its connection'));
  book.submitFailed(new Error('session 5 is being closed'));
  books.closeAll(false);
  expect(totals).toMatchObject({ submitted: 0, lost: 0, denied: 0, odd: [] });
});

test('a client that vanishes leaves frames without an answer, and submits that wait for room', () => {
  book.sent(1);
  book.sent(2);
  book.submitted(1);
  books.closeAll(true);
  expect(totals).toMatchObject({ submitted: 1, vanished: 1, lost: 0, denied: 0, odd: [] });
});

test('what leaves and comes by a transport is entered', () => {
  let sink: PacketSink | undefined;
  const seen: number[] = [];
  const transport = {
    start: (given: PacketSink) => {
      sink = given;
    },
    send: (given: OutboundPacket) => given.headBytes > 0,
  } as unknown as FramedTransport;
  books.watch(transport).start({ packet: ({ frameId }: Packet) => seen.push(frameId) } as unknown as PacketSink);
  const head = bytesOf(MessageType.FrameSubmit, 3, new Uint8Array(preview3.FRAME_SUBMIT_BYTES));
  transport.send({
    headBytes: head.length,
    body: new Uint8Array(0),
    writeHead: (view, start) => new Uint8Array(view.buffer).set(head, view.byteOffset + start),
  });
  book.submitted(3);
  sink?.packet(drop(3));
  expect(totals).toMatchObject({ submitted: 1, answered: 1 });
  expect(seen).toEqual([3]);
});
