import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { NnrpServer } from '../../src/server/server.js';
import { described } from './described.js';
import type { RawPeer } from './raw-peer.js';
import type { Stage } from './stage.js';
import { cancelBytes, closeBytes, openAck, openBytes, packetBytes, submitBytes } from './wire-packets.js';

const { MessageType, SessionFlags } = preview3;

/** What an attempt to resume says. */
export interface ResumeWords {
  readonly sessionId: number;
  readonly token: Uint8Array;
  /** Packets of the session that have been received; left out, it is not said. */
  readonly received?: number | undefined;
  readonly announced?: boolean;
  readonly auth?: Uint8Array;
  readonly open?: Partial<preview3.SessionOpen>;
}

/** SESSION_OPEN of a client that allows resuming, or resumes. */
export function resumableOpenBytes({ sessionId, token, received, announced = true, auth, open }: ResumeWords) {
  const extensions: preview3.ControlExtension[] = [];
  if (announced) {
    const payload = preview3.encodePeerMessages();
    extensions.push({ type: preview3.PEER_MESSAGES_EXTENSION, critical: false, payload });
  }
  if (received !== undefined) {
    const payload = preview3.encodeResumePosition(received);
    extensions.push({ type: preview3.RESUME_POSITION_EXTENSION, critical: false, payload });
  }
  const block = extensions.length === 0 ? new Uint8Array(0) : preview3.encodeControlExtensions(extensions);
  const authBytes = auth ?? new Uint8Array(0);
  const metadata = {
    requestedSessionId: sessionId,
    sessionFlags: SessionFlags.AllowResume,
    resumeTokenBytes: token.length,
    authBytes: authBytes.length,
    sessionExtensionBytes: block.length,
    ...open,
  };
  return openBytes(metadata, new Uint8Array(Buffer.concat([token, authBytes, block])));
}

/**
 * A bare client whose session outlives its connections. It counts what it has received as the protocol wants it, answers
 * PING unless told otherwise, and keeps what it got, in words.
 */
export class ResumablePeer {
  token = new Uint8Array(0);
  ack: preview3.SessionOpenAck | undefined;
  /** What the server says it has received; undefined when it does not. */
  serverReceived: number | undefined;
  /** Packets of the session received so far. */
  received = 0;
  /** Packets of the session sent so far. */
  sent = 0;
  answersPings = true;
  /** PINGs that have come while it did not answer any. */
  owedPongs = 0;

  constructor(
    readonly stage: Stage,
    readonly server: NnrpServer,
    public raw: RawPeer,
    public sessionId = 0,
  ) {}

  /** A new session on a new connection. */
  static async open(stage: Stage, server: NnrpServer, words: Partial<ResumeWords> = {}): Promise<ResumablePeer> {
    const peer = new ResumablePeer(stage, server, await stage.peer(server));
    const answer = await peer.ask({ sessionId: 0, token: new Uint8Array(0), ...words });
    if (answer !== `opened ${peer.sessionId}`) throw new Error(answer);
    return peer;
  }

  /** Sends SESSION_OPEN. @returns the answer in words */
  async ask(words: ResumeWords): Promise<string> {
    this.raw.send(resumableOpenBytes(words));
    const packet = await this.nextPacket();
    const ack = openAck(packet);
    if (ack.sessionErrorCode !== 0) return described(packet);
    this.ack = ack;
    this.sessionId = ack.sessionId;
    this.token = new Uint8Array(packet.body.subarray(0, ack.resumeTokenBytes));
    const extensions = preview3.decodeControlExtensions(packet.body.subarray(ack.resumeTokenBytes));
    const position = extensions.find(({ type }) => type === preview3.RESUME_POSITION_EXTENSION);
    this.serverReceived = position && preview3.decodeResumePosition(position.payload);
    return ack.sessionStatus === preview3.SessionStatus.Resumed ? `resumed ${ack.sessionId}` : described(packet);
  }

  /** Loses the connection without a word. */
  lose(): void {
    this.raw.socket.destroy();
  }

  /** Resumes over a new connection; what is left out is as it should be. @returns the answer in words */
  async resume(words: Partial<ResumeWords> = {}): Promise<string> {
    this.raw = await this.stage.peer(this.server);
    return this.ask({ sessionId: this.sessionId, token: this.token, received: this.received, ...words });
  }

  submit(frameId: number, body = 'work'): void {
    this.sent++;
    this.raw.send(submitBytes(this.sessionId, frameId, body));
  }

  cancel(frameId: number): void {
    this.sent++;
    this.raw.send(cancelBytes(this.sessionId, frameId));
  }

  close(): void {
    this.sent++;
    this.raw.send(closeBytes(this.sessionId));
  }

  pong(): void {
    this.raw.send(packetBytes(MessageType.Pong, 0, 0));
  }

  /** Answers what it owes, and from now on at once. */
  answerPings(): void {
    this.answersPings = true;
    for (; this.owedPongs > 0; this.owedPongs--) this.pong();
  }

  /** The next packet of the session, in words. */
  async next(): Promise<string> {
    const packet = await this.nextPacket();
    if (packet.sessionId === this.sessionId) this.received++;
    return described(packet);
  }

  /** The next packets of the session, in words. */
  async nextOf(count: number): Promise<string[]> {
    const words: string[] = [];
    while (words.length < count) words.push(await this.next());
    return words;
  }

  private async nextPacket(): Promise<Packet> {
    for (;;) {
      const packet = await this.raw.next();
      if (packet.messageType !== MessageType.Ping) return packet;
      if (this.answersPings) this.pong();
      else this.owedPongs++;
    }
  }
}
