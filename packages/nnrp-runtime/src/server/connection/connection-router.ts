import { ClosedError, describeFault, type MessageInfo, type Packet, ProtocolError, type WireFault } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorCode, ErrorScope, MessageType } from 'nnrp-core/preview3';
import { Hidden } from '../../base/application/hidden.js';
import { background, type Guarded } from '../../base/guard.js';
import { readErrorText } from '../../connection/errors/error-text.js';
import type { Dialect } from '../../connection/revision/dialect.js';
import { readFlowUpdate } from '../../connection/revision/flow-update.js';
import { familiesOfHello, HELLO_TRACE_HIGH, helloTraceLow } from '../../connection/revision/hello-trace.js';
import { SERVER_HELLO_ACK, TRANSPORT_PROBE_ACK } from '../../connection/sending/codecs.js';
import { CONTROL_LANE } from '../../connection/sending/outbox.js';
import type { SessionConnection } from '../../connection/session-endpoint.js';
import type { ServerBounds } from '../contract/server-bounds.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type { PeerErrorReport } from '../contract/server-events.js';
import { SessionTally } from '../counting/session-tally.js';
import { submitRefused } from '../failures/frame-failure.js';
import type { SessionOpening } from '../opening/session-opening.js';
import type { ConnectionGate } from '../operation/connection-gate.js';
import { answerHello, answerHelloOfPreview4, type GoodHello, type HelloAnswer } from './answer-hello.js';
import type { UnconfirmedCloses } from './unconfirmed-closes.js';

/** Probes of a connection that has no hello and no session, and their bytes: reference clients send three of 32 KiB. */
const MAX_PROBES = 1024;
const MAX_PROBED_BYTES = 64 * 1024 * 1024;
const NO_AUTH = new Uint8Array(0);
/** What a CLIENT_HELLO breaks that offers neither version_major 1 nor wire_format 0. */
const VERSION_RULES: readonly string[] = ['HELLO-2', 'HELLO-3'];

/** What the intake of a connection needs of it. */
export interface ConnectionRouterOwner
  extends Guarded,
    Pick<SessionConnection, 'remoteAddress' | 'sessionCount' | 'send' | 'sendPlain' | 'sendError' | 'close'> {
  readonly config: NnrpServerConfig;
  /** A packet of a session that is over has come. */
  heardOfEnded(sessionId: number): void;
  readonly transportKind: string;
  readonly dialect: Dialect;
  readonly knowsPeerMessages: boolean;
  /** The address of the client may open no session now. */
  readonly isShutOut: boolean;
  readonly bounds: Pick<ServerBounds, 'tally'>;
  readonly gate: ConnectionGate;
  /** @returns false when there is no room for so much authentication */
  readonly memory: { keepHello(bytes: number): boolean };
  /**
   * The client has shown that it knows more than the reference client.
   * @param families - bits of PeerMessages that it says it understands; 0 when it does not say
   */
  announced(families: number): void;
  /** The client is one of this library that speaks preview4. */
  recognised(families: number): void;
  /** A SESSION_OPEN of preview4 that cannot be read. */
  malformed(packet: Packet, text: string, errorCode: number): void;
  peerTakes(maxPacketBytes: number | undefined): void;
  /** Others need its place. */
  makeRoom(): void;
  /** Reports a broken rule to the application. */
  report(sessionId: number, error: ProtocolError): void;
  peerReported(report: PeerErrorReport): void;
  /** A broken rule that has been reported costs the connection. */
  giveUp(error: ProtocolError): void;
}

/** What comes in for a connection itself, or for a session that it does not have: checked, answered, or passed on. */
export class ConnectionRouter {
  /** A CLIENT_HELLO has come. */
  greeted = false;
  /** Probes before anything else, and their bytes. */
  private probes = 0;
  private probedBytes = 0;
  private readonly token = new Hidden<Uint8Array>(NO_AUTH);

  constructor(
    private readonly owner: ConnectionRouterOwner,
    private readonly opening: Pick<SessionOpening, 'isBusy' | 'wait' | 'request'>,
    private readonly closes: UnconfirmedCloses,
  ) {}

  /** What the hello brought along for the policy. */
  get helloAuth(): Uint8Array {
    return this.token.get();
  }

  receive(packet: Packet, info: MessageInfo): void {
    if (this.closes.crossed(packet)) {
      this.owner.heardOfEnded(packet.sessionId);
      return;
    }
    // What comes while a policy is asked may belong to the session in question.
    if (this.opening.isBusy && packet.sessionId !== 0) {
      this.opening.wait(packet);
      return;
    }
    if (info.direction === 'server_to_client') {
      this.violatedBy(packet, `${info.name} from a client`);
      return;
    }
    if (this.owner.dialect.isPreview4 && !this.isForPreview4(packet, info)) return;
    switch (packet.messageType) {
      case MessageType.SessionOpen:
        if (this.owner.sessionCount === 0 && this.owner.isShutOut) this.owner.makeRoom();
        else this.opening.request(packet);
        break;
      case MessageType.ClientHello:
        this.hello(packet);
        break;
      case MessageType.TransportProbe:
        this.probed(packet, info);
        break;
      case MessageType.FlowUpdate:
        if (this.owner.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else if (packet.sessionId === 0) this.flowUpdated(packet);
        else this.unknownSession(packet, info);
        break;
      case MessageType.Error:
        this.errorArrived(packet);
        break;
      case MessageType.FrameSubmit:
        if (this.owner.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else this.dropFrame(packet);
        break;
      default:
        if (this.owner.sessionCount === 0) this.violatedBy(packet, `${info.name} before SESSION_OPEN`);
        else this.unknownSession(packet, info);
    }
  }

  violated(packet: Packet, info: MessageInfo, fault: WireFault): void {
    if (this.closes.crossed(packet)) {
      this.owner.heardOfEnded(packet.sessionId);
      return;
    }
    // A client of another version is told so, not that it has made a mistake.
    if (this.owner.dialect.isPreview4 && packet.messageType === MessageType.SessionOpen && this.greeted) {
      const error = new ProtocolError(`${info.name}: ${describeFault(fault)}`, ErrorCode.MalformedBody, fault);
      this.owner.report(packet.sessionId, error);
      this.owner.malformed(packet, error.rawMessage, ErrorCode.MalformedBody);
      return;
    }
    const foreign = fault.kind === 'invalid_combination' && VERSION_RULES.includes(fault.rule);
    const code = foreign ? ErrorCode.UnsupportedVersion : ErrorCode.MalformedBody;
    this.violatedBy(packet, `${info.name}: ${describeFault(fault)}`, code, fault);
  }

  /** Costs the connection when no other session lives on it; otherwise the peer is told and its sessions go on. */
  violatedBy(packet: Packet, text: string, code: number = ErrorCode.InvalidState, fault?: WireFault): void {
    const error = new ProtocolError(text, code, fault);
    this.owner.report(packet.sessionId, error);
    if (this.owner.sessionCount === 0) {
      this.owner.giveUp(error);
    } else {
      const { sessionId, frameId } = packet;
      const scope = sessionId === 0 ? ErrorScope.Connection : ErrorScope.Session;
      this.owner.sendError(code, scope, error.rawMessage, { sessionId, frameId });
    }
  }

  private unknownSession(packet: Packet, info: MessageInfo): void {
    const { sessionId, frameId } = packet;
    const text = `${info.name}: session ${sessionId} is not open on this connection`;
    this.owner.report(sessionId, new ProtocolError(text, ErrorCode.InvalidState));
    this.owner.sendError(ErrorCode.InvalidState, ErrorScope.Session, text, { sessionId, frameId });
  }

  /** Work for a session that is not, or no longer, open here. */
  private dropFrame({ sessionId, frameId, traceLow, traceHigh }: Packet): void {
    new SessionTally(sessionId, this.owner.bounds.tally).notTaken(frameId, 'refused');
    if (this.owner.knowsPeerMessages) {
      const text = `session ${sessionId} is not open on this connection`;
      const { wireCode, details } = submitRefused(ErrorCode.InvalidState, text);
      this.owner.sendError(wireCode, ErrorScope.Frame, text, { sessionId, frameId, details });
    }
    this.owner.sendPlain(MessageType.ResultDrop, sessionId, frameId, CONTROL_LANE, traceLow, traceHigh);
  }

  /** Over preview4 a hello comes first, and what comes for a session that was never opened gets no answer of its own. */
  private isForPreview4(packet: Packet, info: MessageInfo): boolean {
    const { messageType, sessionId } = packet;
    if (messageType === MessageType.ClientHello || messageType === MessageType.TransportProbe) return true;
    if (!this.greeted) this.violatedBy(packet, `${info.name} before CLIENT_HELLO`);
    else if (sessionId !== 0) this.violatedBy(packet, `${info.name}: session ${sessionId} was never opened here`);
    else if (messageType === MessageType.FlowUpdate) this.flowUpdated(packet);
    else return true;
    return false;
  }

  private helloOfPreview4(packet: Packet): void {
    if (this.greeted) {
      this.violatedBy(packet, 'CLIENT_HELLO: it has come before');
      return;
    }
    const answer = this.greetedWith(packet, answerHelloOfPreview4(packet, this.owner.config, this.owner.transportKind));
    if (answer === undefined) return;
    const families = familiesOfHello(packet);
    if (families !== undefined) this.owner.recognised(families);
    const [low, high] =
      families === undefined ? [0, 0] : [helloTraceLow(preview3.PEER_MESSAGES_MASK), HELLO_TRACE_HIGH];
    const { ServerHelloAck } = MessageType;
    this.owner.send(ServerHelloAck, 0, 0, SERVER_HELLO_ACK, answer.ack, undefined, CONTROL_LANE, low, high);
  }

  private hello(packet: Packet): void {
    if (this.owner.dialect.isPreview4) {
      this.helloOfPreview4(packet);
      return;
    }
    this.owner.announced(0);
    if (this.greeted || this.owner.sessionCount > 0) {
      this.violatedBy(packet, this.greeted ? 'CLIENT_HELLO: it has come before' : 'CLIENT_HELLO after SESSION_OPEN');
      return;
    }
    const answer = this.greetedWith(packet, answerHello(packet, this.owner.config, this.owner.transportKind));
    if (answer === undefined) return;
    this.owner.announced(answer.families);
    this.owner.peerTakes(answer.packetBytes);
    this.owner.send(MessageType.ServerHelloAck, 0, 0, SERVER_HELLO_ACK, answer.ack, answer.body);
  }

  /** Takes what the hello has brought along. @returns undefined when it is refused, which costs the connection */
  private greetedWith(packet: Packet, answer: HelloAnswer): GoodHello | undefined {
    if ('errorCode' in answer) {
      this.violatedBy(packet, answer.text, answer.errorCode);
      return undefined;
    }
    if (!this.owner.memory.keepHello(answer.auth.length)) {
      this.violatedBy(packet, 'CLIENT_HELLO: there is no room for so much authentication now', ErrorCode.LimitExceeded);
      return undefined;
    }
    this.greeted = true;
    this.token.set(answer.auth);
    return answer;
  }

  private probed(packet: Packet, info: MessageInfo): void {
    const probe = preview3.decodeTransportProbe(packet.view, packet.metadataStart);
    if (packet.bodyLength !== probe.probePayloadBytes) {
      const text = `${info.name} announces ${probe.probePayloadBytes} body bytes, got ${packet.bodyLength}`;
      this.violatedBy(packet, text, ErrorCode.MalformedBody);
      return;
    }
    if (!this.greeted && this.owner.sessionCount === 0) {
      this.probes++;
      this.probedBytes += packet.byteLength;
      if (this.probes > MAX_PROBES || this.probedBytes > MAX_PROBED_BYTES) {
        this.violatedBy(packet, `${info.name}: more come before anything else than may`, ErrorCode.LimitExceeded);
        return;
      }
    }
    const serverRecvTsUs = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
    this.owner.send(MessageType.TransportProbeAck, 0, 0, TRANSPORT_PROBE_ACK, {
      probeId: probe.probeId,
      serverRecvTsUs,
    });
  }

  private flowUpdated(packet: Packet): void {
    const { gate } = this.owner;
    const update = readFlowUpdate(packet);
    if (gate.scope.apply(update, performance.now()) === 'applied') gate.changed();
  }

  /** Answering an error with an error would never end. */
  private errorArrived(packet: Packet): void {
    const error = preview3.decodeErrorMessage(packet.view, packet.metadataStart);
    const { remoteAddress } = this.owner;
    const { text: diagnostic } = readErrorText(packet, error);
    this.owner.peerReported({ remoteAddress, sessionId: packet.sessionId, error, diagnostic });
    if (error.isFatal === 1 && error.errorScope === ErrorScope.Connection) {
      background(this.owner, this.owner.close(new ClosedError(`${remoteAddress} gave the connection up`)));
    }
  }
}
