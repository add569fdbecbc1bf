import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { MessageType as MessageType4 } from 'nnrp-core/preview4';
import type { FramedTransport, OutboundPacket, PacketSink } from 'nnrp-runtime/transport';
import { SessionBook, type Totals } from './session-book.js';

const { CloseStatus, MessageType, ResultClass, ResultFlags, SessionStatus } = preview3;
const AT = preview3.RESULT_PUSH_OFFSETS;

/** What says something of a frame, in either revision. */
const OF_FRAMES = new Set<number>([
  MessageType.ResultPush,
  MessageType.ResultDrop,
  MessageType4.PartialResult,
  MessageType4.ResultDropReason,
]);

/** The books of one connection. */
export class AnswerBook {
  /** By the ids that they have at the moment. */
  private readonly sessions = new Map<number, SessionBook>();
  /** All that are not added up. */
  private readonly books = new Set<SessionBook>();
  private head = new DataView(new ArrayBuffer(256));

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
    const book = new SessionBook(this.totals, sessionId);
    this.sessions.set(sessionId, book);
    this.books.add(book);
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
      if (closeStatus === CloseStatus.Closed) this.over(sessionId);
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

  /** What the session has submitted is settled: it is added up, if it is over. */
  settled(book: SessionBook): void {
    if (book.isOver && this.books.delete(book)) book.close(false);
  }

  /** The connection is over, and all that was submitted is settled. @param vanished - by the client's doing, so that no answer could arrive */
  closeAll(vanished: boolean): void {
    for (const book of this.books) book.close(vanished && !book.isOver);
    this.books.clear();
    this.sessions.clear();
  }

  private over(sessionId: number): void {
    const book = this.sessions.get(sessionId);
    if (book !== undefined) book.isOver = true;
    this.sessions.delete(sessionId);
  }

  /** Enters a submit that is given to a connection. */
  private leaves(packet: OutboundPacket): void {
    if (packet.headBytes > this.head.byteLength) this.head = new DataView(new ArrayBuffer(packet.headBytes));
    packet.writeHead(this.head, 0);
    const { messageType, sessionId, frameId } = preview3.COMMON_HEADER_OFFSETS;
    if (this.head.getUint8(messageType) !== MessageType.FrameSubmit) return;
    this.sessions.get(this.head.getUint32(sessionId, true))?.sent(this.head.getUint32(frameId, true));
  }

  /** Has every packet of a transport entered here before its client sees it, and every submit before it leaves. */
  watch(transport: FramedTransport): FramedTransport {
    const send = transport.send.bind(transport);
    transport.send = (packet) => {
      this.leaves(packet);
      return send(packet);
    };
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
