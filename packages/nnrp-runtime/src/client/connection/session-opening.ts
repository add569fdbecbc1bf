import {
  describeFault,
  forCaller,
  isNnrpError,
  type MessageInfo,
  type NnrpError,
  type Packet,
  ProtocolError,
  TimeoutError,
  TransportError,
  type WireFault,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, InFlightPolicy, MessageType, SessionErrorCode, SessionStatus } from 'nnrp-core/preview3';
import { reasonOf, whenAborted } from '../../base/application/abort-signals.js';
import { described } from '../../base/application/described.js';
import { concatBytes } from '../../base/bytes.js';
import { background } from '../../base/guard.js';
import { ignoreRejection, rejection } from '../../base/promises/settled.js';
import { Line } from '../../base/queues/line.js';
import { ignoreRejectionsWithin } from '../../base/thenable.js';
import { Patience } from '../../base/time/patience.js';
import {
  announcedFamilies,
  announcedPacketBytes,
  extensionsOf,
  isAnnouncement,
} from '../../connection/announcement.js';
import { ownBytes } from '../../connection/body/body-bytes.js';
import { SESSION_OPEN } from '../../connection/sending/codecs.js';
import { type SessionOptions, sessionOpen, sessionOptions } from '../contract/client-config.js';
import { refusalOf } from '../failures/refused-open.js';
import { sessionExtensions } from '../hello/client-announcement.js';
import { PendingAnswer } from '../requests/pending-answer.js';
import type { AnswerWaiter } from '../requests/pending-requests.js';
import { NnrpClientSession } from '../session/client-session.js';
import type { OpenedSession } from '../session/served-session.js';
import type { TakenOver } from '../session/take-over.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import { mismatchOf, positionOf, resumable, tokenBytesIn, unknownSession } from './open-answer.js';
import { foreignGrant, type OpeningWords, openFor, refusalIn } from './open-words.js';

/** What opening sessions needs of the connection. */
export interface OpeningConnection extends ClientSessionConnection, OpeningWords {
  /** The server says what it understands: bits of PeerMessages, 0 when it does not. */
  announced(families: number): void;
  /** The server says how large a packet it takes; undefined when it does not. */
  peerTakes(maxPacketBytes: number | undefined): void;
  /** There when sessions are to outlive the connection. */
  readonly recovery?: (ClientSessionConnection['recovery'] & { readonly awayFor: NnrpError | undefined }) | undefined;
  hasSession(sessionId: number): boolean;
  /** @param request - to open it again by */
  sessionOpened(session: NnrpClientSession, request: OpenRequest): void;
  /** A session that was lost is opened again. */
  sessionReopened(session: NnrpClientSession, opened: OpenedSession): void;
  sessionEnded(session: NnrpClientSession): void;
  /** The server broke a rule that costs the connection. */
  fail(error: ProtocolError): void;
  /** Ends the connection without a word. */
  giveUp(error: NnrpError): void;
}

/** Opens on the wire at once towards a server that is known to answer them in order; one towards others. */
const MAX_AT_ONCE = 64;
/** Opens that have had no answer in time, and still may get it; a server that leaves out more is given up. */
const MAX_LATE = 1024;

/** What a session was asked for by. */
export interface OpenRequest {
  readonly open: preview3.SessionOpen;
  readonly body: Uint8Array;
  /** Operations in flight that the application has asked for; undefined when the default stands in the open. */
  readonly maxInFlight: number | undefined;
}

/** A session that another client has had, and given a ticket for. */
export interface ByTicket extends Omit<TakenOver, 'position'> {
  /** The request as it is sent, with the token. */
  readonly open: preview3.SessionOpen;
  readonly body: Uint8Array;
}

interface Asked extends OpenRequest {
  /** It is to be resumed; what it was asked for by the first time stands beside it. */
  readonly byTicket?: ByTicket;
  /** The session of the application whose place it is to take. */
  readonly replaces?: NnrpClientSession;
  readonly resolve: (session: Promise<NnrpClientSession>) => void;
  readonly reject: (error: unknown) => void;
  /** Set when it is sent. */
  pending?: PendingOpen;
}

interface PendingOpen extends AnswerWaiter {
  readonly asked: Asked;
  open: preview3.SessionOpen;
  readonly answer: PendingAnswer<NnrpClientSession>;
  /** Given up; its place in the line stays, because its answer may still come. */
  late: boolean;
  /** Others need not wait for its answer any more. */
  passed: Patience | boolean;
}

/**
 * Opens the sessions of a connection. Nothing in an acknowledgement says which request it answers, so it belongs to the
 * oldest one: one that was given up keeps its place, and what is opened for it too late is closed again.
 *
 * A server that has not announced itself is asked for one session after the other; one that has is asked for up to 64 at
 * once, because it answers in the order of the requests.
 */
export class SessionOpening {
  /** Whether a session was asked for. */
  started = false;
  /** Not sent yet, in order. */
  private readonly asked = new Line<Asked>();
  /** Sent, in order. */
  private line: PendingOpen[] = [];
  /** What has to come before any open. */
  private greetings = 0;
  private failure: NnrpError | undefined;
  /** Operations in flight that the server allows, once it has refused the default: later opens ask for no more. */
  private allowed = Number.POSITIVE_INFINITY;

  constructor(private readonly connection: OpeningConnection) {}

  /** Whether a request waits for its answer. */
  get isPending(): boolean {
    return this.line.some(({ late }) => !late);
  }

  /** The same, or for its turn. */
  get isWanted(): boolean {
    return this.asked.size > 0 || this.isPending;
  }

  open(given: SessionOptions): Promise<NnrpClientSession> {
    this.started = true;
    if (this.failure !== undefined) {
      ignoreRejectionsWithin(given);
      return rejection(forCaller(this.failure));
    }
    let open: preview3.SessionOpen;
    let body: Uint8Array;
    let maxInFlight: number | undefined;
    let signal: AbortSignal | undefined;
    try {
      // All of it now: by the time that it is sent, its sender may have wiped a token, or used the object for another.
      const options = sessionOptions(given);
      ({ signal, maxInFlightOperations: maxInFlight } = options);
      if (signal?.aborted) return rejection(reasonOf(signal));
      const auth = ownBytes(options.auth ?? '', 'auth');
      const extensions = sessionExtensions(this.connection.config, options.extensions);
      open = sessionOpen(options, auth.length, extensions.length);
      const { recovery, config } = this.connection;
      if (recovery !== undefined && config.reconnect === 'resume') open = resumable(open);
      body = concatBytes([auth, extensions]);
    } catch (error) {
      return rejection(error, given);
    }
    return this.ask({ open, body, maxInFlight }, signal);
  }

  /** Asks for a session that another client has had. @param request - what it was asked for by the first time @returns rejects as `open` does */
  resume(request: OpenRequest, byTicket: ByTicket, signal: AbortSignal | undefined): Promise<NnrpClientSession> {
    this.started = true;
    if (signal?.aborted) return rejection(reasonOf(signal));
    return this.ask({ ...request, byTicket }, signal);
  }

  /** Asks for a session by the token in it alone. @returns rejects as `open` does */
  openByToken(request: OpenRequest, signal: AbortSignal | undefined): Promise<NnrpClientSession> {
    this.started = true;
    if (signal?.aborted) return rejection(reasonOf(signal));
    return this.ask(request, signal);
  }

  /** Asks for a session in place of one that was lost. @returns rejects as `open` does */
  openAgain(replaces: NnrpClientSession, { open, body, maxInFlight }: OpenRequest): Promise<NnrpClientSession> {
    return this.ask({ open, body, maxInFlight, replaces });
  }

  private ask(request: Omit<Asked, 'resolve' | 'reject'>, signal?: AbortSignal): Promise<NnrpClientSession> {
    if (this.failure !== undefined) return rejection(forCaller(this.failure));
    let letGo = () => {};
    const opened = new Promise<NnrpClientSession>((resolve, reject) => {
      const asked: Asked = { ...request, resolve, reject };
      this.asked.push(asked);
      letGo = whenAborted(this.connection, signal, (reason) => this.aborted(asked, reason));
    });
    if (signal !== undefined) opened.then(letGo, letGo);
    this.sendNext();
    return ignoreRejection(opened);
  }

  /** Lets every open wait for this. @param isRequired - whether opens fail when it does */
  waitFor(greeting: Promise<unknown>, isRequired: boolean): void {
    this.greetings++;
    const greeted = () => {
      this.greetings--;
      this.sendNext();
    };
    const failed = (error: NnrpError) => {
      if (isRequired) this.failAll(error);
      greeted();
    };
    background(this.connection, greeting.then(greeted, failed));
  }

  /** No session is opened any more. */
  failAll(reason: NnrpError): void {
    this.failure ??= reason;
    for (const { reject } of this.asked.drain()) reject(forCaller(this.failure));
  }

  /** SESSION_OPEN_ACK. @param fault - a rule that it breaks by itself */
  answered(packet: Packet, info: MessageInfo, fault?: WireFault): void {
    const { connection } = this;
    const [pending] = this.line;
    if (pending === undefined) {
      connection.stray(packet, info);
      return;
    }
    if (fault !== undefined) {
      this.mismatch(describeFault(fault), fault);
      return;
    }
    const ack = preview3.decodeSessionOpenAck(packet.view, packet.metadataStart);
    const text = mismatchOf(pending.open, ack, packet, connection);
    if (text !== undefined) {
      this.mismatch(text);
      return;
    }
    this.takeFirst();
    if (ack.sessionStatus === SessionStatus.Opened || ack.sessionStatus === SessionStatus.Resumed)
      this.opened(pending, ack, packet);
    else if (!pending.late && asksTooMuch(pending, ack)) this.askForLess(pending, ack.maxInFlightOperations);
    else pending.answer.reject(refusalOf(pending.open, ack, refusalIn(connection, ack, packet)));
    this.sendNext();
  }

  end(error: NnrpError): void {
    this.failAll(error);
    while (this.line.length > 0) this.takeFirst()?.answer.reject(forCaller(error));
  }

  private opened(pending: PendingOpen, ack: preview3.SessionOpenAck, packet: Packet): void {
    const { connection } = this;
    const extensions = extensionsOf(packet.body.subarray(tokenBytesIn(ack, packet)));
    connection.announced(announcedFamilies(extensions) ?? 0);
    const grant = foreignGrant(connection, ack, packet);
    connection.peerTakes(announcedPacketBytes(extensions));
    const { open, asked, late } = pending;
    const { replaces, byTicket } = asked;
    const isNew = ack.sessionStatus === SessionStatus.Opened;
    const takenOver = byTicket && !isNew ? { ...byTicket, position: positionOf(extensions) } : undefined;
    const opened: OpenedSession = {
      ack: described(ack),
      extensions: extensions.filter((extension) => !isAnnouncement(extension)),
      open: byTicket === undefined ? open : asked.open,
      maxInFlight: asked.maxInFlight,
      grant,
      ...(takenOver && { takenOver }),
    };
    if (!late && replaces !== undefined && replaces.endReason === undefined) {
      connection.sessionReopened(replaces, opened);
      pending.answer.resolve(replaces);
      return;
    }
    const session = new NnrpClientSession(connection, opened, (ended) => connection.sessionEnded(ended));
    connection.sessionOpened(session, asked);
    if (byTicket !== undefined && isNew) pending.answer.reject(unknownSession(byTicket.ticket));
    // The caller has given up waiting, or wants no other session; the result of its close is not reported.
    if (late || replaces !== undefined || (byTicket !== undefined && isNew))
      ignoreRejection(session.close({ inFlightPolicy: InFlightPolicy.Abort }));
    else pending.answer.resolve(session);
  }

  private sendNext(): void {
    while (this.asked.size > 0 && this.greetings === 0 && this.hasRoom()) {
      const asked = this.asked.take();
      try {
        asked.resolve(this.send(asked));
      } catch (error) {
        asked.reject(error);
      }
    }
  }

  private hasRoom(): boolean {
    const limit = this.connection.understands(preview3.PeerMessages.ErrorClosePing) ? MAX_AT_ONCE : 1;
    let waitedFor = 0;
    for (const { passed } of this.line) if (passed !== true) waitedFor++;
    return waitedFor < limit;
  }

  /** @throws WireError on an option that does not fit; nothing is sent then */
  private send(asked: Asked): Promise<NnrpClientSession> {
    const { connection } = this;
    const open = this.sendOpen(asked);
    const answer = new PendingAnswer<NnrpClientSession>(
      connection,
      'no answer to SESSION_OPEN',
      connection.config.openTimeoutMs,
      (error) => this.giveUp(pending, this.timedOut(error)),
    );
    const tooMuchBefore = (error: NnrpError) => this.giveUp(pending, error);
    const pending: PendingOpen = { asked, open, answer, late: false, passed: false, tooMuchBefore };
    asked.pending = pending;
    this.line.push(pending);
    connection.unread.answerAwaited(pending);
    return answer.promise;
  }

  /** The application has no wish, and the server says what it allows. */
  private askForLess(pending: PendingOpen, allowed: number): void {
    const { connection } = this;
    this.allowed = allowed;
    pending.open = this.sendOpen(pending.asked);
    this.line.push(pending);
    connection.unread.answerAwaited(pending);
  }

  /** @returns what was sent @throws UsageError, WireError; nothing is sent then */
  private sendOpen(asked: Asked): preview3.SessionOpen {
    const { connection } = this;
    const { open, body } = openFor(connection, {
      open: this.withinAllowed(asked),
      body: (asked.byTicket ?? asked).body,
    });
    connection.send(MessageType.SessionOpen, 0, 0, SESSION_OPEN, open, body);
    return open;
  }

  private withinAllowed({ open, maxInFlight, byTicket }: Asked): preview3.SessionOpen {
    if (byTicket !== undefined) return byTicket.open;
    if (maxInFlight !== undefined || open.maxInFlightOperations <= this.allowed) return open;
    return { ...open, maxInFlightOperations: this.allowed };
  }

  /** Where there is no connection, the reason says more than that no answer has come. */
  private timedOut(error: TimeoutError): TimeoutError {
    const why = this.connection.recovery?.awayFor;
    return why === undefined ? error : new TimeoutError(`${error.rawMessage}: ${why.rawMessage}`, error.timeoutMs);
  }

  /** Its answer may still come, unless it has not been sent, or come already. */
  private aborted(asked: Asked, reason: unknown): void {
    const { pending } = asked;
    if (pending !== undefined) {
      if (this.line.includes(pending)) this.giveUp(pending, reason);
      return;
    }
    this.asked.remove(asked);
    asked.reject(reason);
  }

  /** It costs this open alone: its answer may still come, and others wait for that as long again, but no longer. */
  private giveUp(pending: PendingOpen, error: unknown): void {
    const { connection } = this;
    if (pending.late) return;
    pending.late = true;
    connection.unread.answerCame(pending);
    pending.answer.reject(error);
    if (this.line.length > MAX_LATE) {
      const text = `more than ${MAX_LATE} opens have had no answer`;
      connection.giveUp(isNnrpError(error, 'NNRP_ERR_TIMEOUT') ? error : new TransportError(text));
      return;
    }
    pending.passed = new Patience(connection, connection.config.openTimeoutMs, () => {
      pending.passed = true;
      this.sendNext();
    }).unref();
  }

  private mismatch(text: string, fault?: WireFault): void {
    const error = new ProtocolError(`SESSION_OPEN_ACK: ${text}`, ErrorCode.InvalidState, fault);
    this.takeFirst()?.answer.reject(forCaller(error));
    this.connection.fail(error);
  }

  /** It has its answer, or needs none any more. */
  private takeFirst(): PendingOpen | undefined {
    const pending = this.line.shift();
    if (pending === undefined) return undefined;
    if (typeof pending.passed === 'object') pending.passed.end();
    if (!pending.late) this.connection.unread.answerCame(pending);
    return pending;
  }
}

/** Whether a server refuses because the default number of operations in flight is more than it allows. */
function asksTooMuch({ asked, open }: PendingOpen, ack: preview3.SessionOpenAck): boolean {
  if (
    asked.maxInFlight !== undefined ||
    asked.byTicket !== undefined ||
    ack.sessionErrorCode !== SessionErrorCode.SessionLimitReached
  )
    return false;
  return ack.maxInFlightOperations > 0 && ack.maxInFlightOperations < open.maxInFlightOperations;
}
