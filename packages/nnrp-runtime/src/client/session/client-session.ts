import {
  ClosedError,
  forCaller,
  INSPECT,
  type Inspect,
  inspected,
  type NnrpError,
  type SessionState,
  shownValue,
  UsageError,
} from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { ASYNC_DISPOSE } from '../../base/application/async-dispose.js';
import { checkFlow } from '../../base/flow-fields.js';
import { guard } from '../../base/guard.js';
import { U32 } from '../../base/option-kinds.js';
import { checkArgument } from '../../base/options.js';
import { ignoreRejection, rejection } from '../../base/promises/settled.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import { type CloseReport, closeReport } from '../../connection/close-report.js';
import type { ReopenReport, ResumeReport } from '../contract/resume-report.js';
import type { RequestOptions } from '../requests/call-options.js';
import {
  type CacheObjectInit,
  type CacheSelector,
  type NnrpPatchAck,
  type PatchFields,
  sessionMigrate,
} from '../requests/request-messages.js';
import type { ClientOperation } from '../results/client-operation.js';
import { LateStreams } from '../results/late-streams.js';
import type { NnrpResult } from '../results/nnrp-result.js';
import type { UnreadShare } from '../results/read-gate.js';
import { ResultStream } from '../results/result-stream.js';
import { type EventStream, EventStreams } from '../streams/event-stream.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import type { SubmitOptions } from '../submits/submit-options.js';
import { AcknowledgedSession } from './acknowledged-session.js';
import { type CloseOptions, checkClose } from './close-options.js';
import { type ClientErrorOptions, sendSessionError } from './error-options.js';
import { type OpenedSession, ServedSession } from './served-session.js';
import { type ClientSessionEvent, keptSessionEvent, sessionEventBytes } from './session-events.js';
import type { SessionFlow } from './session-flow.js';
import { sessionTicket } from './session-ticket.js';

/** One session of a client: submits work and receives its results, until it is closed. */
export class NnrpClientSession extends AcknowledgedSession {
  private readonly reported = new EventStreams<ClientSessionEvent>(sessionEventBytes, keptSessionEvent);
  protected served: ServedSession;
  private reason: NnrpError | undefined;
  /** Why the session was lost that another one is to take the place of; undefined when none is. */
  private loss: NnrpError | undefined;
  private readonly late = new LateStreams();

  /** @internal Made by the client; applications get sessions from `openSession`. */
  constructor(
    protected readonly connection: ClientSessionConnection,
    opened: OpenedSession,
    private readonly ended: (session: NnrpClientSession) => void,
  ) {
    super();
    this.served = this.serve(opened);
  }

  /** open, then closing, draining and closed as the two sides agree on the end. */
  get state(): SessionState {
    return this.reason === undefined ? this.served.lifecycle.state : 'closed';
  }

  /** Why the session is over; undefined while it is not. */
  get endReason(): NnrpError | undefined {
    return this.reason;
  }

  /** The server's newest answer to our close: its status and the last operation that it confirms. */
  get closeAck(): preview3.SessionCloseAck | undefined {
    return this.served.closing.lastAck;
  }

  /**
   * Submits work. Waits its turn while flow control forbids new work, and while the connection is full.
   *
   * @param body - text is sent as UTF-8, and a list of chunks as one body, copied in the call; more than 16 KiB of bytes in
   * one piece are lent, not copied, and may be sent some time after the promise resolves: do not change them any more. When
   * they are transferred or resized before they have left, the operation fails with UsageError, and nothing else does. What
   * waits for its turn is a copy, of the options as well
   * @throws (as a rejection) UsageError on a wrong option, WireError when fields of the metadata contradict each other, FlowBlockedError when it may not wait,
   * CancelledError when its signal aborts first, ClosedError or TransportError when the session is over
   */
  submit(body: BodyInput, options?: SubmitOptions): Promise<ClientOperation> {
    return this.served.submits.submit(body, options);
  }

  /**
   * Submits work at once, without a promise: the cheapest way.
   *
   * @throws FlowBlockedError when flow control forbids it now, with the reason and when to retry; the rest as `submit`
   */
  submitNow(body: BodyInput, options?: SubmitOptions): ClientOperation {
    return this.served.submits.submitNow(body, options);
  }

  /**
   * Submits work that has a single result, and gives that: `(await session.request('ping')).text()`.
   *
   * A server that sends partial results before it makes the request fail with UsageError, and the work is cancelled: which
   * of them is the answer, or whether all of them are, only the application can know. For such work take `submit`: the
   * operation has all results, `operation.text()` the text of all, and `operation.result()` the last one alone.
   *
   * @throws (as a rejection) as `submit`, and as `ClientOperation.result`
   */
  request(body: BodyInput, options?: SubmitOptions): Promise<NnrpResult> {
    return this.served.submits.request(body, options);
  }

  /**
   * Every result of the session from now on, in the order of arrival, with its operation. While such a loop runs,
   * partial results are kept for operations only that have a loop of their own. Results that wait unread count against the
   * client's buffer. Ends when the session is closed; throws when it ends otherwise.
   *
   * Leaving the loop, in whatever way, cancels the operations in flight whose results have gone to it, as they could not
   * be read whole any more. Not those that have a loop of their own, or whose `result()` was asked for before; nor those of
   * which no result has come yet.
   * @throws UsageError when there is such a loop already
   */
  results(): ResultStream {
    const { submits } = this.served;
    if (submits.stream !== undefined) throw new UsageError(`session ${this.sessionId}: results() is being read`);
    const stream = new ResultStream(submits, () => submits.streamLeft());
    if (this.loss !== undefined) this.late.add(stream);
    else if (this.reason === undefined) submits.stream = stream;
    else stream.end(this.reason);
    return stream;
  }

  /**
   * What happens in the session besides results, from now on. At most 1024 events, and 4 MiB of what they hold or the
   * newest one alone, wait unread: the oldest go first.
   */
  events(): EventStream<ClientSessionEvent> {
    return this.reported.open();
  }

  /**
   * Changes settings of the session. Several patches may be outstanding; they are answered in order.
   * @returns the server's answer, which may be a refusal
   * @throws (as a rejection) TimeoutError, PeerError when the server reports a failure instead, UsageError on a
   * bad field or option or when no field is given, ClosedError or TransportError when the session ends first; the same for the other requests
   */
  patch(fields: PatchFields, profilePatch?: BodyInput, options?: RequestOptions): Promise<NnrpPatchAck> {
    return this.served.requests.patch(fields, profilePatch, options);
  }

  /**
   * Announces that the session will move to another transport.
   * @returns the server's answer; with accept_code 0 its cursor has been checked
   * @throws (as a rejection) ProtocolError when the answer contradicts the request, and as `patch`
   */
  migrateTransport(request: preview3.SessionMigrate, options?: RequestOptions): Promise<preview3.SessionMigrateAck> {
    return this.served.requests.migrate(request, options);
  }

  /**
   * A request to move away from the transport in use.
   * @param lastResultFrameId - default the highest frame that had a result
   */
  buildMigrationRequest(
    newTransportId: preview3.TransportId,
    lastResultFrameId = BigInt(this.served.submits.lastResultFrameId),
  ): preview3.SessionMigrate {
    return sessionMigrate(this.connection.transportKind, newTransportId, lastResultFrameId);
  }

  /** Stores an object with the server. @returns its answer, which may be a refusal. Rejects like `patch` */
  putObject(object: CacheObjectInit, bytes: BodyInput, options?: RequestOptions): Promise<preview3.CacheAck> {
    return this.served.requests.putObject(object, bytes, options);
  }

  /** Makes the server forget objects. There is no answer: resolves when there is room to send more. */
  invalidateObjects(selector: CacheSelector): Promise<void> {
    return this.served.requests.invalidateObjects(selector);
  }

  /**
   * Tells the server how much of the session, or of one operation, it wants: pause and resume, credit, backpressure.
   * @throws UsageError on a wrong field; ClosedError or TransportError when the session is over
   */
  sendFlowUpdate(flow: SessionFlow): void {
    const { operation } = checkFlow(flow, 'clientSession');
    this.checkOpen();
    if (operation === undefined) this.served.tellFlow(flow);
    else if (typeof operation.isOf === 'function') this.served.tellOperationFlow(operation, flow);
    else throw new UsageError(`flow update: operation takes an operation of the session, got ${shownValue(operation)}`);
  }

  /**
   * What another client goes on with the session by, once this one is gone: `client.resumeSession(ticket)`. It says where the
   * session is now, so take it together with what you keep of its results. It is a secret: its holder has the session.
   * @returns text of letters, digits, `.`, `-` and `_`
   * @throws UsageError when the session cannot be resumed, is not open, or has more than 4096 operations in flight or unread
   */
  ticket(): string {
    return sessionTicket(this.connection, this.served, this.reason ?? this.loss);
  }

  /**
   * Reports a failure to the server.
   * @throws UsageError on a wrong argument or option, ClosedError or TransportError when the session is over
   */
  sendError(errorCode: number, text: string, options: ClientErrorOptions = {}): void {
    checkArgument('sendError', 'errorCode', errorCode, U32);
    this.checkOpen();
    const { ack, lane } = this.served;
    sendSessionError(this.connection, { sessionId: ack.sessionId, lane }, errorCode, text, options);
  }

  /**
   * Closes the session and waits for the server to confirm. Results that arrive before the confirmation are delivered;
   * operations that have none by then fail with an error that says so. Work in progress gets 5 seconds, unless the options
   * say otherwise. Calling it again returns the same promise; options that leave less time count from then on. When the
   * server has asked to close before, this side waits no longer than its own options say.
   *
   * @returns what was cut
   * @throws (as a rejection) TimeoutError when the server does not answer in time and TransportError when the
   * connection is lost, with the session over; PeerError when the server refuses, with the session as open as before;
   * UsageError on a bad option, with nothing sent
   */
  close(options: CloseOptions = {}): Promise<CloseReport> {
    const { closing } = this.served;
    if (this.reason !== undefined) return closing.result ?? Promise.resolve(this.closeReport);
    try {
      if (this.loss !== undefined) {
        checkClose(options);
        this.end(new ClosedError(`session ${this.sessionId} was closed`));
        return Promise.resolve(this.closeReport);
      }
      const closed = closing.request(options);
      this.served.requests.rejectUnsent(new ClosedError(`session ${this.sessionId} is being closed`));
      return closed;
    } catch (error) {
      return rejection(error);
    }
  }

  /** What leaving an `await using` block does: `close()`, with the defaults. @throws (as a rejection) as `close` */
  [ASYNC_DISPOSE](): Promise<void> {
    return ignoreRejection(this.close().then(() => {}));
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { sessionId, state, inFlightCount, endReason, connection, ack } = this;
    const { remoteAddress } = connection;
    const profileId = ack.acceptedProfileId;
    return { sessionId, remoteAddress, profileId, state, inFlightCount, endReason: endReason?.message };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpClientSession', this.toJSON(), depth, options, inspect);
  }

  /** @internal For the client: what holds most of the results that wait unread. */
  get mostUnread(): UnreadShare {
    const { submits } = this.served;
    return submits.unread.most(submits.stream);
  }

  /** @internal For the client: too much waits unread, the server is asked to hold operations back. */
  holdBack(): void {
    this.served.submits.unread.holdBack();
  }

  /** @internal For the client: every result that waits unread. */
  eachUnread(visit: (result: NnrpResult) => void): void {
    const { submits } = this.served;
    submits.unread.each(visit, submits.stream);
  }

  /** @internal For the client: what has been cut so far. */
  get closeReport(): CloseReport {
    return closeReport(this.sessionId, this.served.submits.cutFrameIds);
  }

  private checkOpen(): void {
    const { refusal } = this;
    if (refusal !== undefined) throw forCaller(refusal);
  }

  private serve(opened: OpenedSession, before?: ServedSession): ServedSession {
    const end = (reason: NnrpError) => {
      // One that was lost has no say any more.
      if (this.served === served && this.loss === undefined) this.end(reason);
    };
    const served: ServedSession = new ServedSession(
      this.connection,
      opened,
      this.reported,
      end,
      () => this.checkOpen(),
      before,
    );
    return served;
  }

  /** @internal For the connection: it is lost, and with it the session. */
  holdSubmits(): void {
    this.served.submits.line.waitForReopening();
  }

  /** @internal For the connection: it is lost, and the session is to be resumed on another one. */
  suspended(error: NnrpError): void {
    if (this.reported.wanted) this.reported.push({ type: 'suspended', error: forCaller(error) });
  }

  /** @internal For the connection: it is there again. */
  resumed(report: ResumeReport): void {
    if (this.reported.wanted) this.reported.push({ type: 'resumed', ...report });
  }

  /** @internal For the connection: the server has given another token for it. */
  ticketChanged(): void {
    this.served.submits.line.goOn();
    if (this.reported.wanted) this.reported.push({ type: 'ticketChanged' });
  }

  /** @internal For the connection: its newest frame. */
  get highestFrameId(): number {
    return this.served.submits.highestFrameId;
  }

  /** @internal For the client: what it was on the server is lost, and nothing has taken its place yet. */
  get isLost(): boolean {
    return this.loss !== undefined;
  }

  /** @internal For the connection: whether another session may take its place when it is lost. */
  get isReopenable(): boolean {
    return this.reason === undefined && this.loss === undefined && this.served.isOpen;
  }

  /** @internal For the connection: it is lost, and another one is to take its place. */
  lost(error: NnrpError): void {
    this.loss = error;
    const { connection, served } = this;
    guard(connection, () => served.lose(error));
    if (this.reported.wanted) this.reported.push({ type: 'lost', error: forCaller(error) });
  }

  /** @internal For the connection: another one has taken its place. */
  reopened(opened: OpenedSession): void {
    if (this.loss !== undefined) this.late.end(this.loss);
    this.loss = undefined;
    this.served = this.serve(opened, this.served);
  }

  /** @internal For the connection: it has told of that, and work goes on. */
  goOn(report: ReopenReport): void {
    if (this.reported.wanted) this.reported.push({ type: 'reopened', ...report });
    this.served.submits.line.goOn();
  }

  /** @internal For the connection: it is over. */
  disconnected(reason: NnrpError): void {
    this.end(reason);
  }

  /** Why nothing can be sent, when nothing can. */
  private get refusal(): NnrpError | undefined {
    return this.reason === undefined ? this.loss : this.served.closing.refusal(this.reason);
  }

  private end(reason: NnrpError): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.late.end(reason);
    const { connection } = this;
    const { lifecycle, submits, requests, closing } = this.served;
    if (this.loss === undefined) lifecycle.end();
    // Each step by itself: one that fails must not keep the others from telling what waits.
    guard(connection, () => this.ended(this));
    guard(connection, () => submits.end(reason, this.refusal));
    guard(connection, () => requests.end(reason, this.refusal));
    guard(connection, () => closing.settle(forCaller(reason)));
    if (this.reported.wanted) this.reported.push({ type: 'end', reason: forCaller(reason) });
    this.reported.end();
  }
}
