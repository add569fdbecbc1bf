import { FrameIds, type Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType as MessageType4 } from 'nnrp-core/preview4';
import type { FramedTransport, PacketSink } from 'nnrp-runtime/transport';

const { CloseStatus, MessageType, ResultClass, ResultFlags, SessionStatus } = preview3;
const AT = preview3.RESULT_PUSH_OFFSETS;

/** What says something of a frame, in either revision. */
const OF_FRAMES = new Set<number>([
  MessageType.ResultPush,
  MessageType.ResultDrop,
  MessageType4.PartialResult,
  MessageType4.ResultDropReason,
]);

/** Frames and what became of them, over all sessions of a process. */
export class Totals {
  submitted = 0;
  /** Frames with one terminal answer on the wire. */
  answered = 0;
  /** Frames with a second one. */
  double = 0;
  /** Terminal answers to frames that nobody submitted. */
  unasked = 0;
  /** Frames without an answer in a session that ended in good order. */
  lost = 0;
  /** Frames without an answer when their client vanished: nobody could answer them. */
  vanished = 0;
  partials = 0;
  /** Partial results that came twice, out of order or not at all, of streams that were read to their end. */
  partialsAstray = 0;
  /** How often a client had lost its connection and was back. */
  resumed = 0;
  /** Sessions whose client was cut off before it had any. */
  neverOpened = 0;
  /** Results of a session that was over. */
  late = 0;
}

/** The frames of one session, entered from what is on the wire: independent of what the client makes of it. */
export class SessionBook {
  private readonly outstanding = new Set<number>();
  /** Answered before the client has told about the submit: it waited for room to send more. */
  private readonly early = new Set<number>();
  private readonly settled = new FrameIds();
  /** Submits that were over before there was room for more: the client has told of no frame, and it may have had its answer. */
  private overBefore = 0;

  constructor(private readonly totals: Totals) {}

  get waiting(): number {
    return this.outstanding.size;
  }

  submitted(frameId: number): void {
    this.totals.submitted++;
    if (this.early.delete(frameId)) this.totals.answered++;
    else this.outstanding.add(frameId);
  }

  submitFailed(): void {
    this.overBefore++;
  }

  terminal(frameId: number): void {
    if (!this.settled.take(frameId)) this.totals.double++;
    else if (this.outstanding.delete(frameId)) this.totals.answered++;
    else this.early.add(frameId);
  }

  /** The session is over; what has no answer now will never have one. */
  close(vanished: boolean): void {
    this.totals[vanished ? 'vanished' : 'lost'] += this.outstanding.size;
    this.totals.unasked += Math.max(0, this.early.size - this.overBefore);
    this.outstanding.clear();
    this.early.clear();
  }
}

/** The books of one connection. */
export class AnswerBook {
  private readonly sessions = new Map<number, SessionBook>();

  constructor(private readonly totals: Totals) {}

  /** Whether the client has no session. */
  get isEmpty(): boolean {
    return this.sessions.size === 0;
  }

  /** The book of a session from its SESSION_OPEN_ACK on; the server may give the id of one that is over again. */
  session(sessionId: number): SessionBook | undefined {
    return this.sessions.get(sessionId);
  }

  /** Begins the book of a session whose acknowledgement was read elsewhere. */
  begin(sessionId: number): void {
    this.sessions.set(sessionId, new SessionBook(this.totals));
  }

  enter(packet: Packet): void {
    const { messageType, sessionId, frameId, view, metadataStart } = packet;
    if (messageType === MessageType.SessionOpenAck) {
      const { sessionStatus } = preview3.decodeSessionOpenAck(view, metadataStart);
      // One that is resumed goes on in its book.
      if (sessionId !== 0 && sessionStatus !== SessionStatus.Resumed) this.begin(sessionId);
      return;
    }
    if (messageType === MessageType.SessionCloseAck) {
      // Closed here and now: the next packet may open another session under the same id.
      const { closeStatus } = preview3.decodeSessionCloseAck(view, metadataStart);
      if (closeStatus === CloseStatus.Closed) this.close(sessionId, false);
      return;
    }
    if (!OF_FRAMES.has(messageType)) return;
    const book = this.sessions.get(sessionId);
    if (book === undefined) this.totals.late++;
    else if (messageType === MessageType4.PartialResult) this.totals.partials++;
    else if (messageType !== MessageType.ResultPush) book.terminal(frameId);
    else {
      const partial =
        view.getUint8(metadataStart + AT.resultClass) === ResultClass.Partial ||
        (view.getUint16(metadataStart + AT.resultFlags, true) & ResultFlags.Partial) !== 0;
      if (partial) this.totals.partials++;
      else book.terminal(frameId);
    }
  }

  private close(sessionId: number, vanished: boolean): void {
    this.sessions.get(sessionId)?.close(vanished);
    this.sessions.delete(sessionId);
  }

  /** The connection is over. @param vanished - by the client's doing, so that nobody could answer */
  closeAll(vanished: boolean): void {
    for (const sessionId of [...this.sessions.keys()]) this.close(sessionId, vanished);
  }

  /** Has every packet of a transport entered here before its client sees it. */
  watch(transport: FramedTransport): FramedTransport {
    const start = transport.start.bind(transport);
    transport.start = (sink: PacketSink) =>
      start({
        packet: (packet) => {
          this.enter(packet);
          sink.packet(packet);
        },
        broken: (fault) => sink.broken(fault),
        oversized: (head, fault) => sink.oversized?.(head, fault) ?? false,
        drained: () => sink.drained(),
        closed: (error) => sink.closed(error),
      });
    return transport;
  }
}
