import { type NnrpError, type Packet, ProtocolError, TimeoutError, TransportError } from 'nnrp-core';
import { ERROR_MESSAGE_BYTES, ErrorCode } from 'nnrp-core/preview3';
import { Patience } from '../../base/time/patience.js';
import { readRefusal } from '../../connection/errors/open-refusal.js';
import type { FramedConnector, FramedTransport, PacketSink } from '../../transport/contract/contract.js';
import { readError } from '../failures/peer-error.js';
import { refusalOf } from '../failures/refused-open.js';
import { type AskedOpen, type LinkOwner, LiveLink } from '../recovery/live-link.js';
import { resumeAnswer, resumeRequest } from '../recovery/open-request.js';
import { NO_SINK } from '../recovery/recovery-owner.js';
import type { ResumableSession } from '../recovery/resumable-session.js';

/** What a trial needs of the transport whose sessions are to move. */
export interface TrialOwner extends LinkOwner {
  readonly settings: { readonly pingTimeoutMs: number; readonly maxPacketBytes: number };
  /** What the connection says first of all. */
  greet(link: LiveLink): void;
  /** The server has let the session go on there. @param answer - that says so */
  trialSucceeded(trial: LinkTrial, answer: Packet): void;
  /** Nothing has changed. */
  trialFailed(trial: LinkTrial, error: NnrpError): void;
}

type Resumes = NonNullable<AskedOpen['resumes']>;

/**
 * A connection on which one session is asked for while all of them are still on another one: by what the server says, they
 * move, or stay where they are. Once it has succeeded it is a link like any other.
 */
export class LinkTrial implements LinkOwner {
  readonly link: LiveLink;
  readonly resumes: Resumes;
  private readonly request: AskedOpen;
  /** Until the server has answered. */
  private readonly early: PacketSink = {
    ...NO_SINK,
    broken: () => this.fail(new TransportError('what it answers is no NNRP')),
  };
  private state: 'asking' | 'failed' | 'succeeded' = 'asking';
  private patience: Patience | undefined;

  /** @param session - that is asked for; what it says of what it has received must stay so */
  constructor(
    transport: FramedTransport,
    readonly connector: FramedConnector,
    session: ResumableSession,
    private readonly owner: TrialOwner,
  ) {
    const { open, packet } = resumeRequest(session);
    this.resumes = { session, open };
    this.request = { packet, resumes: this.resumes };
    this.link = new LiveLink(transport, this);
  }

  get sink(): PacketSink {
    return this.state === 'succeeded' ? this.owner.sink : this.early;
  }

  get settings(): { readonly pingTimeoutMs: number } {
    return this.owner.settings;
  }

  get isPaused(): boolean {
    return this.state === 'succeeded' && this.owner.isPaused;
  }

  /** It may be over inside of it. @param limitMs - that the answer may take */
  begin(limitMs: number): void {
    const { link, owner } = this;
    link.transport.limitPackets?.(owner.settings.maxPacketBytes);
    link.transport.start(link);
    if (this.state !== 'asking') return;
    owner.greet(link);
    link.ask(this.request);
    // A path that is dead already is found by it.
    link.fence();
    this.patience = new Patience(owner, limitMs, () => {
      this.fail(new TimeoutError(`no answer to SESSION_OPEN within ${limitMs} ms`, limitMs));
    });
  }

  /** The sessions are on this link from now on. */
  take(): void {
    this.state = 'succeeded';
    this.patience?.end();
  }

  /** Gives it up. */
  fail(error: NnrpError): void {
    if (this.state !== 'asking') return;
    this.state = 'failed';
    this.patience?.end();
    this.link.end();
    this.owner.trialFailed(this, error);
  }

  openAnswered(link: LiveLink, packet: Packet): void {
    if (this.state === 'succeeded') {
      this.owner.openAnswered(link, packet);
      return;
    }
    if (this.state === 'failed' || link.opens.size === 0) return;
    link.opens.take();
    const { open, session } = this.resumes;
    const answer = resumeAnswer(open, packet, session);
    const isTooMuch = answer.outcome === 'resumed' && answer.position > session.sent.packets;
    if (isTooMuch)
      this.fail(new ProtocolError('SESSION_OPEN_ACK: it cannot have received so many packets', ErrorCode.InvalidState));
    else if (answer.outcome === 'resumed') this.owner.trialSucceeded(this, packet);
    else if (answer.outcome === 'broken')
      this.fail(new ProtocolError(`SESSION_OPEN_ACK: ${answer.text}`, ErrorCode.InvalidState));
    else if (answer.outcome === 'opened')
      this.fail(new TransportError(`it knows nothing of session ${session.sessionId}`));
    else this.fail(refusalOf(open, answer.ack, readRefusal(answer.extensions)));
  }

  helloAnswered(link: LiveLink): boolean {
    return this.owner.helloAnswered(link);
  }

  errorArrived(link: LiveLink, packet: Packet): boolean {
    if (this.state === 'succeeded') return this.owner.errorArrived(link, packet);
    if (packet.metadataLength < ERROR_MESSAGE_BYTES)
      this.fail(new ProtocolError('ERROR: it is cut short', ErrorCode.MalformedBody));
    else this.fail(readError(packet, true).error);
    return true;
  }

  closeArrived(link: LiveLink): boolean {
    if (this.state === 'succeeded') return this.owner.closeArrived(link);
    this.fail(new TransportError('the server closed the connection'));
    return true;
  }

  linkLost(link: LiveLink, error: NnrpError | undefined): void {
    if (this.state === 'succeeded') this.owner.linkLost(link, error);
    else this.fail(error ?? new TransportError('the server closed the connection'));
  }

  linkDrained(link: LiveLink): void {
    if (this.state === 'succeeded') this.owner.linkDrained(link);
  }

  crashed(error: unknown): void {
    if (this.state === 'asking') this.fail(new TransportError('it cannot be used', { cause: error }));
    else this.owner.crashed(error);
  }
}
