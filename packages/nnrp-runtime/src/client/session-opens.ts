import {
  describeFault,
  forCaller,
  type MessageInfo,
  type NnrpError,
  type Packet,
  PeerError,
  ProtocolError,
  preview3,
  type WireFault,
} from 'nnrp-core';
import { announcedFamilies } from '../connection/announcement.js';
import { bodyBytes } from '../connection/body-bytes.js';
import { SESSION_OPEN } from '../connection/codecs.js';
import { rejection, unheard } from '../settled.js';
import { sessionExtensions } from './client-announcement.js';
import { type SessionOptions, sessionOpen } from './client-config.js';
import { NnrpClientSession } from './client-session.js';
import type { ClientSessionConnection } from './client-session-connection.js';
import { joined } from './joined.js';
import { bodyMismatch } from './peer-error.js';
import { PendingAnswer } from './pending-answer.js';
import { sessionErrorName } from './wire-names.js';

const { ErrorCode, MessageType, SessionErrorCode, SessionStatus } = preview3;
const NO_AUTH = new Uint8Array(0);

/** What opening sessions needs of the connection. */
export interface OpeningConnection extends ClientSessionConnection {
  /** The server says what it understands: bits of PeerMessages, 0 when it does not. */
  announced(families: number): void;
  hasSession(sessionId: number): boolean;
  sessionOpened(session: NnrpClientSession): void;
  sessionEnded(session: NnrpClientSession): void;
  /** The server broke a rule that costs the connection. */
  fail(error: ProtocolError): void;
  /** Ends the connection without a word. */
  giveUp(error: NnrpError): void;
}

interface PendingOpen {
  readonly open: preview3.SessionOpen;
  readonly answer: PendingAnswer<NnrpClientSession>;
}

/**
 * Opens the sessions of a connection, one after the other: nothing in an acknowledgement says which request it answers.
 */
export class SessionOpens {
  /** Whether a session was asked for. */
  started = false;
  private pending: PendingOpen | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private refusal: NnrpError | undefined;

  constructor(private readonly connection: OpeningConnection) {}

  /** Whether a request waits for its answer. */
  get isPending(): boolean {
    return this.pending !== undefined;
  }

  open(options: Partial<SessionOptions>): Promise<NnrpClientSession> {
    this.started = true;
    const opened = this.turn.then(() => this.openNow(options));
    this.turn = opened.catch(() => {});
    return unheard(opened);
  }

  /** Lets every open wait for this. @param isRequired - whether opens fail when it does */
  waitFor(greeting: Promise<unknown>, isRequired: boolean): void {
    const failed = (error: NnrpError) => {
      if (isRequired) this.refusal ??= error;
    };
    this.turn = Promise.all([this.turn, greeting.catch(failed)]);
  }

  /** No session is opened any more. */
  refuse(reason: NnrpError): void {
    this.refusal ??= reason;
  }

  /** SESSION_OPEN_ACK. @param fault - a rule that it breaks by itself */
  answered(packet: Packet, info: MessageInfo, fault?: WireFault): void {
    const { pending, connection } = this;
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
    this.pending = undefined;
    connection.unread.answerCame();
    if (ack.sessionStatus !== SessionStatus.Opened) {
      pending.answer.reject(refusalOf(pending.open, ack));
      return;
    }
    const block = packet.body.subarray(ack.resumeTokenBytes);
    const extensions = extensionsOf(block);
    connection.announced(announcedFamilies(extensions) ?? 0);
    const own = extensions.filter(({ type }) => type !== preview3.PEER_MESSAGES_EXTENSION);
    const session = new NnrpClientSession(connection, ack, own, pending.open, (ended) =>
      connection.sessionEnded(ended),
    );
    connection.sessionOpened(session);
    pending.answer.resolve(session);
  }

  end(error: NnrpError): void {
    this.refuse(error);
    this.reject(forCaller(error));
  }

  private openNow(options: Partial<SessionOptions>): Promise<NnrpClientSession> {
    if (this.refusal !== undefined) return rejection(forCaller(this.refusal));
    const { connection } = this;
    const { openTimeoutMs, announce } = connection.config;
    const auth = options.auth === undefined ? NO_AUTH : bodyBytes(options.auth);
    const extensions = sessionExtensions(announce, options.extensions);
    const open = sessionOpen(options, auth.length, extensions.length);
    connection.send(MessageType.SessionOpen, 0, 0, SESSION_OPEN, open, joined([auth, extensions]));
    connection.unread.answerAwaited();
    const answer = new PendingAnswer<NnrpClientSession>(
      connection,
      'no answer to SESSION_OPEN',
      openTimeoutMs,
      (error) => {
        // A late answer could not be told from the next one's: the connection is given up.
        connection.giveUp(error);
      },
    );
    this.pending = { open, answer };
    return answer.promise;
  }

  private mismatch(text: string, fault?: WireFault): void {
    const error = new ProtocolError(`SESSION_OPEN_ACK: ${text}`, ErrorCode.InvalidState, fault);
    this.reject(forCaller(error));
    this.connection.fail(error);
  }

  private reject(error: NnrpError): void {
    const { pending } = this;
    if (pending === undefined) return;
    this.pending = undefined;
    this.connection.unread.answerCame();
    pending.answer.reject(error);
  }
}

/** What an acknowledgement must agree with: its own header, the request, and the rules of recovery. */
function mismatchOf(
  open: preview3.SessionOpen,
  ack: preview3.SessionOpenAck,
  packet: Packet,
  connection: OpeningConnection,
): string | undefined {
  const installed = preview3.openAckOutcome(ack);
  if (installed.outcome === 'fault') return describeFault(installed.fault);
  const recovery = preview3.recoveryOutcome(open, ack);
  if (recovery.outcome === 'fault') return describeFault(recovery.fault);
  if (packet.sessionId !== ack.sessionId) {
    return `header session ${packet.sessionId}, metadata session ${ack.sessionId}`;
  }
  if (installed.outcome === 'not_installed') return undefined;
  if (open.requestedSessionId !== 0 && ack.sessionId !== open.requestedSessionId) {
    return `asked for session ${open.requestedSessionId}, got ${ack.sessionId}`;
  }
  if (connection.hasSession(ack.sessionId)) return `session ${ack.sessionId} exists already`;
  const announced = ack.resumeTokenBytes + ack.sessionExtensionBytes;
  return bodyMismatch('it', announced, packet.bodyLength)?.rawMessage;
}

/** No document says what the block of an acknowledgement holds: one that is no list of entries says nothing. */
function extensionsOf(block: Uint8Array): readonly preview3.ControlExtension[] {
  return preview3.checkControlExtensions(block) === undefined ? preview3.decodeControlExtensions(block) : [];
}

function refusalOf(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): PeerError {
  const { sessionErrorCode: wireCode, sessionStatus, maxInFlightOperations: allowed } = ack;
  const { maxInFlightOperations: asked } = open;
  const name = wireCode === SessionErrorCode.None ? ' without a code' : `: ${sessionErrorName(wireCode)}`;
  if (sessionStatus === SessionStatus.RetryLater) {
    const text = `the server asks to retry later${name}`;
    return new PeerError('NNRP_ERR_RETRY_LATER', text, wireCode, 0, { isRetryable: true });
  }
  const isLimit = wireCode === SessionErrorCode.SessionLimitReached;
  const isTooMuch = isLimit && allowed > 0 && asked > allowed;
  const limits = `maxInFlightOperations: asked for ${asked}, the server allows ${allowed}`;
  const text = `the server refuses the session${name}${isTooMuch ? `, ${limits}` : ''}`;
  return new PeerError('NNRP_ERR_SESSION_REFUSED', text, wireCode, 0, { isRetryable: isLimit && !isTooMuch });
}
