import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { NnrpClient } from '../../../src/client/client.js';
import type { NnrpClientOptions, SessionOptions } from '../../../src/client/contract/client-config.js';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import { refusalBlock } from '../../../src/connection/errors/open-refusal.js';
import { RESULT_PUSH, SESSION_CLOSE_ACK, SESSION_OPEN_ACK } from '../../../src/connection/sending/codecs.js';
import type { MetadataCodec } from '../../../src/connection/sending/outbound-message.js';
import { carrier } from '../../support/carrier.js';
import type { BareListener } from '../../support/carrier-contract.js';
import { eventually } from '../../support/eventually.js';
import { COMPLETE, OPENED } from '../../support/scripted-server.js';
import { packetBytes } from '../../support/wire-packets.js';
import { KnownSession, ServerLink, TOKEN_BYTES } from './known-session.js';

const { MessageType, SessionStatus, SessionFlagsAck, PeerMessages } = preview3;
const UTF8 = new TextEncoder();
const running: RecoveryServer[] = [];

/** What becomes of a request to resume. */
export type ResumeVerdict =
  | 'resume'
  | 'refuse'
  /** The connection is cut before the acknowledgement, inside of it, or behind it. */
  | 'cut'
  | 'cut inside'
  | 'cut behind'
  | 'no answer'
  | { readonly retryAfterMs: number }
  /** The server says that it has received so many packets, whatever is true. */
  | { readonly position: number }
  | { readonly status: preview3.SessionStatus; readonly body?: Uint8Array }
  /** It resumes the session, and says more of it, or something else. */
  | { readonly fields?: Partial<preview3.SessionOpenAck>; readonly extension?: preview3.ControlExtension };

/** A server that can resume sessions and does what a test wants, over whatever carries the tests. */
export class RecoveryServer {
  readonly links: ServerLink[] = [];
  readonly sessions = new Map<number, KnownSession>();
  windowMs = 20_000;
  /** Whether it says that it knows recovery, and whether it hands out tokens. */
  announces = true;
  grantsTokens = true;
  tokenBytes = TOKEN_BYTES;
  verdict: (session: KnownSession, link: ServerLink) => ResumeVerdict = () => 'resume';
  /** Whether SESSION_OPENs of new sessions are answered. */
  answersOpens = true;
  /** What they are answered by instead. */
  refusal: Uint8Array | undefined;
  closesSessions = true;
  /** Whether connections are dropped as soon as they come. */
  isUnreachable = false;
  readonly clients: NnrpClient[] = [];
  private nextId = 1;

  private constructor(readonly listener: BareListener) {
    running.push(this);
  }

  static async start(): Promise<RecoveryServer> {
    const server = new RecoveryServer(await carrier.listenBare());
    void server.accept();
    return server;
  }

  static async clear(): Promise<void> {
    for (const server of running.splice(0)) {
      const abort = { inFlightPolicy: preview3.InFlightPolicy.Abort };
      await Promise.all(server.clients.map((client) => client.close(abort)));
      server.listener.close();
      for (const { socket } of server.links) socket.destroy();
    }
  }

  get address(): string {
    return this.listener.address;
  }

  /** The connection that the client has now. */
  get link(): ServerLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error('no client has connected');
    return link;
  }

  async connect(config: NnrpClientOptions = {}): Promise<NnrpClient> {
    const client = await carrier.openClient(this.address, { reconnectBackoffMs: 1, closeTimeoutMs: 200, ...config });
    this.clients.push(client);
    return client;
  }

  /** A client with one session. */
  async session(config: NnrpClientOptions = {}, options: SessionOptions = {}) {
    const client = await this.connect(config);
    const session = await client.openSession(options);
    return { client, session, known: this.known(session) };
  }

  known({ sessionId }: Pick<NnrpClientSession, 'sessionId'>): KnownSession {
    const known = this.sessions.get(sessionId);
    if (known === undefined) throw new Error(`the server has no session ${sessionId}`);
    return known;
  }

  /** Frames that were submitted, in order of arrival. */
  submits(session: KnownSession): number[] {
    return framesOf(session, MessageType.FrameSubmit);
  }

  cancels(session: KnownSession): number[] {
    return framesOf(session, MessageType.FrameCancel);
  }

  /** Sends a packet of a session; while it is on no connection, it is sent when it is resumed. */
  send(session: KnownSession, bytes: Uint8Array): void {
    session.sent.push(bytes);
    session.link?.send(bytes);
  }

  /** The same, but it is lost: it counts as sent, and does not leave. */
  lose(session: KnownSession, bytes: Uint8Array): void {
    session.sent.push(bytes);
  }

  result(session: KnownSession, frameId: number, text = ''): void {
    this.send(session, resultBytes(session.sessionId, frameId, text));
  }

  partial(session: KnownSession, frameId: number, text: string): void {
    this.send(session, partialBytes(session.sessionId, frameId, text));
  }

  /** Ends the newest connection in disorder. */
  cut(link = this.link): void {
    this.detach(link);
    carrier.reset(link.socket);
  }

  /** As if another process were to answer from now on: it knows nothing, and its ids begin anew. */
  restart(): void {
    this.cut();
    this.sessions.clear();
    this.nextId = 1;
  }

  /** As if there were no room for them: it knows nothing of them any more, and their ids are free. */
  giveUp(sessions: readonly KnownSession[]): void {
    for (const { sessionId } of sessions) {
      this.sessions.delete(sessionId);
      this.nextId = Math.min(this.nextId, sessionId);
    }
  }

  /** The server leaves it in order, but in the middle of everything and without CLOSE. */
  leave(link = this.link): void {
    this.detach(link);
    link.socket.destroy();
  }

  /** Waits until the client has connected so many times. */
  connections(count: number): Promise<void> {
    return eventually(() => this.links.length >= count, `the client has connected ${count} times`);
  }

  /** Waits until the client is back, and the session on its newest connection. */
  back(session: KnownSession, count: number): Promise<void> {
    const isBack = () => this.links.length >= count && session.link === this.links.at(-1);
    return eventually(isBack, `session ${session.sessionId} is on connection ${count}`);
  }

  private detach(link: ServerLink): void {
    for (const session of this.sessions.values()) if (session.link === link) session.link = undefined;
  }

  private async accept(): Promise<void> {
    for (;;) {
      // At the end of the listener nothing more comes.
      const socket = await this.listener.accept().catch(() => undefined);
      if (socket === undefined) return;
      if (this.isUnreachable) {
        socket.on('error', () => {});
        carrier.reset(socket);
        continue;
      }
      const link = new ServerLink(socket, (packet) => this.read(link, packet));
      socket.on('close', () => this.detach(link));
      this.links.push(link);
    }
  }

  private read(link: ServerLink, packet: Packet): void {
    const { messageType, sessionId } = packet;
    if (messageType === MessageType.SessionOpen) this.opened(link, packet);
    else if (messageType === MessageType.Ping) {
      link.pings++;
      if (!link.isSilent) link.send(packetBytes(MessageType.Pong));
    } else if (messageType === MessageType.Pong) this.proved(link);
    const session = this.sessions.get(sessionId);
    if (session === undefined || session.link !== link) return;
    session.tokens.splice(0, session.tokens.length - 1);
    session.received.push(packet.copy());
    if (messageType === MessageType.SessionClose && this.closesSessions) {
      const ack = { closeStatus: preview3.CloseStatus.Closed, lastOperationId: 0n, sessionErrorCode: 0 };
      this.send(session, bytesOfMessage(MessageType.SessionCloseAck, sessionId, 0, SESSION_CLOSE_ACK, ack));
      this.sessions.delete(sessionId);
    }
  }

  /** The client has read the acknowledgement, and with it the newest token. */
  private proved(link: ServerLink): void {
    link.pongs++;
    const session = link.proofs.shift();
    if (session?.link === link) session.tokens.splice(0, session.tokens.length - 1);
  }

  private opened(link: ServerLink, packet: Packet): void {
    const open = preview3.decodeSessionOpen(packet.view, packet.metadataStart);
    link.opens.push(open);
    const token = packet.body.subarray(0, open.resumeTokenBytes);
    const auth = packet.body.subarray(token.length, token.length + open.authBytes);
    const extensions = preview3.decodeControlExtensions(packet.body.subarray(token.length + auth.length));
    if (open.resumeTokenBytes === 0) {
      if (this.refusal !== undefined) link.send(this.refusal);
      else if (this.answersOpens) this.openNew(link, open, auth);
      return;
    }
    const session = this.sessions.get(open.requestedSessionId);
    const payload = extensions.find(({ type }) => type === preview3.RESUME_POSITION_EXTENSION)?.payload;
    const position = payload === undefined ? undefined : preview3.decodeResumePosition(payload);
    const isGood = session?.tokens.some((good) => Buffer.compare(good, token) === 0);
    if (session === undefined || !isGood || position === undefined) {
      link.send(refused(preview3.SessionErrorCode.ResumeRejected));
      return;
    }
    this.resumed(link, session, token, position);
  }

  private openNew(link: ServerLink, open: preview3.SessionOpen, auth: Uint8Array): void {
    while (this.sessions.has(this.nextId)) this.nextId++;
    const sessionId = open.requestedSessionId || this.nextId++;
    const session = new KnownSession(sessionId, open, new Uint8Array(auth));
    session.link = link;
    this.sessions.set(sessionId, session);
    const isWanted = (open.sessionFlags & preview3.SessionFlags.AllowResume) !== 0;
    if (isWanted && this.grantsTokens) session.tokens.push(session.token);
    link.send(this.ack(session, SessionStatus.Opened, isWanted));
  }

  private resumed(link: ServerLink, session: KnownSession, token: Uint8Array, position: number): void {
    const verdict = this.verdict(session, link);
    if (typeof verdict === 'object' && 'retryAfterMs' in verdict) {
      link.send(refused(0, SessionStatus.RetryLater, verdict.retryAfterMs));
      return;
    }
    if (verdict === 'refuse') {
      this.sessions.delete(session.sessionId);
      link.send(refused(preview3.SessionErrorCode.ResumeRejected));
      return;
    }
    if (verdict === 'no answer') return;
    if (verdict === 'cut') {
      this.cut(link);
      return;
    }
    // The one that was asked with stays good until the client shows that it has the next one.
    session.tokens.splice(0, session.tokens.length, token, crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
    session.token = session.tokens[1] as Uint8Array;
    const said = typeof verdict === 'object' && 'position' in verdict ? verdict.position : session.received.length;
    const status = typeof verdict === 'object' && 'status' in verdict ? verdict.status : SessionStatus.Resumed;
    const more = typeof verdict === 'object' && ('fields' in verdict || 'extension' in verdict) ? verdict : {};
    const whole = this.ack(session, status, true, said, more);
    const isBare = typeof verdict === 'object' && 'status' in verdict && verdict.body !== undefined;
    const ack = isBare ? packetBytes(MessageType.SessionOpenAck, session.sessionId, 0, whole.subarray(40, 96)) : whole;
    if (verdict === 'cut inside' || verdict === 'cut behind') {
      link.socket.end(verdict === 'cut inside' ? ack.subarray(0, ack.length - 7) : ack);
      return;
    }
    session.positions.push(position);
    if (position > session.sent.length) throw new Error(`the client says ${position}, got ${session.sent.length}`);
    session.link = link;
    link.send(ack);
    link.proofs.push(session);
    link.send(packetBytes(MessageType.Ping));
    for (const bytes of session.sent.slice(position)) link.send(bytes);
  }

  private ack(
    session: KnownSession,
    sessionStatus: preview3.SessionStatus,
    isWanted: boolean,
    position?: number,
    { fields, extension }: { fields?: Partial<preview3.SessionOpenAck>; extension?: preview3.ControlExtension } = {},
  ) {
    const families = this.announces
      ? preview3.PEER_MESSAGES_MASK
      : preview3.PEER_MESSAGES_MASK & ~PeerMessages.Recovery;
    const messages = {
      type: preview3.PEER_MESSAGES_EXTENSION,
      critical: false,
      payload: preview3.encodePeerMessages(families),
    };
    const payload = preview3.encodeResumePosition(position ?? 0);
    const where = { type: preview3.RESUME_POSITION_EXTENSION, critical: false, payload };
    const entries = [messages, ...(position === undefined ? [] : [where]), ...(extension ? [extension] : [])];
    const block = preview3.encodeControlExtensions(entries);
    const token = isWanted && this.grantsTokens ? paddedTo(session.token, this.tokenBytes) : new Uint8Array(0);
    const metadata: preview3.SessionOpenAck = {
      ...OPENED,
      sessionId: session.sessionId,
      serverSessionTag: BigInt(session.sessionId),
      sessionStatus,
      maxInFlightOperations: session.open.maxInFlightOperations || 64,
      grantedOperationCredit: 0xffff,
      resumeTokenBytes: isWanted ? this.tokenBytes : 0,
      resumeWindowMs: isWanted ? this.windowMs : 0,
      sessionFlagsAck: isWanted ? SessionFlagsAck.ResumeEnabled : 0,
      sessionExtensionBytes: block.length,
      ...fields,
    };
    const body = new Uint8Array(Buffer.concat([token, block]));
    return bytesOfMessage(MessageType.SessionOpenAck, session.sessionId, 0, SESSION_OPEN_ACK, metadata, body);
  }
}

function paddedTo(token: Uint8Array, bytes: number): Uint8Array {
  const padded = new Uint8Array(bytes);
  padded.set(token);
  return padded;
}

export function partialBytes(sessionId: number, frameId: number, text: string): Uint8Array {
  const partial = { ...COMPLETE, resultClass: preview3.ResultClass.Partial };
  return bytesOfMessage(MessageType.ResultPush, sessionId, frameId, RESULT_PUSH, partial, UTF8.encode(text));
}

export function resultBytes(sessionId: number, frameId: number, text = ''): Uint8Array {
  return bytesOfMessage(MessageType.ResultPush, sessionId, frameId, RESULT_PUSH, COMPLETE, UTF8.encode(text));
}

export function bytesOfMessage<T>(
  messageType: preview3.MessageType,
  sessionId: number,
  frameId: number,
  codec: MetadataCodec<T>,
  value: T,
  body?: Uint8Array,
): Uint8Array {
  const metadata = new Uint8Array(codec.bytes);
  codec.encode(value, new DataView(metadata.buffer), 0);
  return packetBytes(messageType, sessionId, frameId, metadata, body);
}

export function refused(
  sessionErrorCode: number,
  status: preview3.SessionStatus = SessionStatus.Rejected,
  retryAfterMs = 0,
) {
  const block = retryAfterMs > 0 ? (refusalBlock({ retryAfterMs }) as Uint8Array) : new Uint8Array(0);
  const ack = { ...OPENED, sessionStatus: status, sessionErrorCode, sessionExtensionBytes: block.length };
  return bytesOfMessage(MessageType.SessionOpenAck, 0, 0, SESSION_OPEN_ACK, ack, block);
}

function framesOf({ received }: KnownSession, messageType: number): number[] {
  return received.filter((packet) => packet.messageType === messageType).map(({ frameId }) => frameId);
}
