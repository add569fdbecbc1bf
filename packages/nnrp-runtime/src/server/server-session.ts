import {
  type FlowFields,
  forCaller,
  INSPECT,
  type Inspect,
  inspected,
  type NnrpError,
  type ObjectIdentity,
  type OperationRegistry,
  type SchemaRegistry,
  type SessionState,
  UsageError,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorScope, MessageType, SessionFlagsAck } from 'nnrp-core/preview3';
import { ASYNC_DISPOSE } from '../base/async-dispose.js';
import { described } from '../base/described.js';
import { checkFlow } from '../base/flow-fields.js';
import { checkOptions, type Given, withDefaults } from '../base/options.js';
import type { CloseReport } from '../close-report.js';
import type { BodyInput } from '../connection/body-bytes.js';
import { RESULT_HINT } from '../connection/codecs.js';
import { givenText } from '../connection/error-text.js';
import { answering, rejection, SETTLED } from '../settled.js';
import type { OperationContext } from './operation-context.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ResultInit,
  RuntimeSessionRecord,
  SessionEvent,
} from './server-messages.js';
import {
  checkMigrateAck,
  type MigrateAckInit,
  migrateAck,
  type PatchAckInit,
  patchAck,
  sendMigrateAck,
  sendPatchAck,
} from './session-answers.js';
import type { ServerCloseOptions } from './session-closing.js';
import type { SessionCore } from './session-core.js';
import { SubmitIterator } from './submit-iterator.js';

const NO_BODY = new Uint8Array(0);
const NO_HINT: preview3.ResultHint = Object.freeze({
  appliedBudgetPolicy: preview3.ResultHintBudgetPolicy.None,
  congestionState: preview3.ResultHintCongestionState.None,
  reason: preview3.ResultHintReason.None,
  retryAfterMs: 0,
});
const ERROR_OPTIONS: ReadonlySet<string> = new Set(['frameId', 'retryAfterMs']);

/** What a FLOW_UPDATE says, and about what: the session, or one of its frames. */
export interface FlowUpdateInit extends FlowFields {
  /** The operation that is meant; left out, the whole session. */
  readonly frameId?: number | undefined;
}

/** What a RESULT_HINT says; what is left out is none. */
export type ResultHintInit = Given<preview3.ResultHint>;

/**
 * One session of a server. `receive*` calls wait for the next message of their kind, may be outstanding at once, and
 * reject with the reason when the session ends. Every frame gets exactly one terminal answer: a result that is not
 * partial, or a drop.
 */
export class NnrpServerSession {
  /** Made by the server; applications get sessions from `accept`. */
  constructor(private readonly core: SessionCore) {}

  get sessionId(): number {
    return this.core.sessionId;
  }

  /** The request this session was granted for. */
  get clientOpen(): preview3.SessionOpen {
    return this.core.open;
  }

  /** What was granted. */
  get ack(): preview3.SessionOpenAck {
    return described(this.core.ack);
  }

  /** open, closing (the client or this side has asked to close), draining, closed. */
  get lifecycle(): SessionState {
    return this.core.lifecycle.state;
  }

  /** The operations in flight: which there are, and how far each of them is. */
  get operations(): Pick<
    OperationRegistry<OperationContext>,
    'size' | 'get' | 'has' | 'wasUsed' | 'highestId' | typeof Symbol.iterator
  > {
    return this.core.operations.registry;
  }

  /** Objects in the session's cache, those that the application tracks included. */
  get cacheObjectCount(): number {
    return this.core.cacheObjectCount;
  }

  /** The schemas the session may name: the server's, and those it brought along where it may. */
  get schemas(): SchemaRegistry {
    return this.core.cache.schemas;
  }

  /** The peer, such as 127.0.0.1:51000. */
  get remoteAddress(): string {
    return this.core.connection.remoteAddress;
  }

  /** Whether the client has shown that it knows more than the reference client of preview3. */
  get isAnnounced(): boolean {
    return this.core.connection.isAnnounced;
  }

  /** The last round trip of the connection in milliseconds; undefined before the first PONG. */
  get roundTripMs(): number | undefined {
    return this.core.connection.roundTripMs;
  }

  /**
   * Measures the round trip with PING.
   *
   * @returns milliseconds
   * @throws (as a rejection) UsageError when the client would not understand it, TimeoutError when no PONG comes within
   * `pingTimeoutMs`; the connection is over then
   */
  ping(): Promise<number> {
    return answering(() => {
      this.requireOpen();
      if (!this.isAnnounced)
        throw new UsageError(`session ${this.sessionId}: the client has not shown that it knows PING`);
      return this.core.connection.ping(this.core.config.pingTimeoutMs);
    });
  }

  /** Why the session is over; undefined while it is not. */
  get endReason(): NnrpError | undefined {
    return this.core.endReason;
  }

  /** Frames that have not had their terminal answer. */
  get inFlightCount(): number {
    return this.core.operations.registry.size;
  }

  /** What the server keeps of the session. */
  get record(): RuntimeSessionRecord {
    const { ack, operations } = this.core;
    return {
      sessionId: ack.sessionId,
      profileId: ack.acceptedProfileId,
      schemaId: ack.schemaId,
      schemaVersion: ack.schemaVersion,
      resumeEnabled: (ack.sessionFlagsAck & SessionFlagsAck.ResumeEnabled) !== 0,
      resumeTokenBytes: ack.resumeTokenBytes,
      lastOperationId: operations.registry.highestId,
    };
  }

  /** Whether a frame still waits for its terminal answer: false once answered, cancelled, expired or unknown. */
  isInFlight(frameId: number): boolean {
    return this.core.operations.registry.has(frameId);
  }

  /**
   * The next submit, in order. While many wait unread, reading from the connection stops.
   * @throws ClosedError or TransportError (as a rejection) when the session has ended and nothing waits
   */
  receiveSubmit(): Promise<OperationContext> {
    // The inbox makes promises that may go unheard; another one for each submit would cost time.
    try {
      return this.core.inbox.nextSubmit();
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * Every submit until the client closes the session or the session ends otherwise (see `endReason`). Call `close`
   * afterwards: it confirms the client's close.
   *
   * The loop may be left at any time, and another one begun: the next submit goes to whoever asks for one then. Leaving
   * answers nothing. A submit that the loop has handed out is the application's own, also when its body has thrown: the
   * application completes it or drops it, else the client waits until its deadline. (`serve` drops it by itself.)
   * @throws UsageError when `events` or `serve` takes the messages; where that begins later, the loop throws it
   */
  allSubmits(): AsyncIterableIterator<OperationContext, void, void> {
    this.core.inbox.requireKinds('allSubmits()');
    return new SubmitIterator(this.core.inbox);
  }

  /** The next frame that the client gave up. The runtime has answered it with RESULT_DROP and aborted its signal. */
  receiveCancel(): Promise<NnrpCancel> {
    return answering(() => this.core.inbox.next('cancel'));
  }

  /** The next SESSION_PATCH; answer it with `sendPatchAck`. */
  receivePatch(): Promise<NnrpPatch> {
    return answering(() => this.core.inbox.next('patch'));
  }

  /** The next SESSION_MIGRATE; answer it with `sendMigrateAck`. */
  receiveMigrate(): Promise<NnrpMigration> {
    return answering(() => this.core.inbox.next('migrate'));
  }

  /** Resolves when the client asks to close; answer with `ackClose`. */
  receiveClose(): Promise<NnrpClose> {
    return answering(() => this.core.inbox.next('close'));
  }

  /**
   * Every message of the session in the order of arrival, until it is over. It takes the messages from the call on: the
   * `receive*` calls get none any more, and a second loop throws UsageError. When the loop is left, also while it waits,
   * the messages go to the `receive*` calls again, those included that it has not handed out; only `events` shows
   * flow updates, cache messages and errors, so those are gone. What it has handed out the application answers.
   */
  events(): AsyncIterableIterator<SessionEvent, void, void> {
    return this.core.inbox.events();
  }

  /**
   * Answers a frame. Results marked partial may be followed by more; any other is the frame's last answer.
   *
   * @param body - up to 16 KiB are copied; a longer one is lent, and may be sent some time after the promise resolves: do not
   * change it any more. When it is transferred or resized before it has left, the frame fails like one whose handler has
   * failed
   * @returns resolves when there is room to send more
   * @throws (as a rejection) UsageError when the frame has had its last answer, WireError when the metadata is refused
   * (the frame can still be answered), ClosedError when the session is over
   */
  sendResult(frameId: number, result: ResultInit, body: BodyInput = NO_BODY): Promise<void> {
    return this.core.operations.sendResult(frameId, result, body);
  }

  /**
   * Tells the client that a frame gets no result; it waits for one or the other. Rejects like `sendResult`, but not for
   * a frame that the client has cancelled or that has expired: those were dropped already.
   */
  sendResultDrop(frameId: number): Promise<void> {
    return this.core.operations.sendResultDrop(frameId);
  }

  /**
   * Cancels work on this side, with what hangs on it; each frame is answered with RESULT_DROP.
   * @returns the frames that were in flight
   * @throws UsageError when there is no such operation
   */
  cancelOperations(scope: preview3.CancelScope, frameId: number): number[] {
    return this.core.operations.cancel(scope, frameId);
  }

  /** Notes an object whose bytes the application keeps. @throws UsageError when the cache is full, or on a wrong field */
  trackCacheObject(identity: ObjectIdentity): void {
    const full = this.core.cache.track(identity);
    if (full === undefined) return;
    const { maxCacheObjects } = this.core.config;
    const why =
      full === 'cacheObjects' ? `maxCacheObjects is ${maxCacheObjects}, and as many are there` : `${full} is reached`;
    throw new UsageError(`session ${this.sessionId}: ${why}`);
  }

  /**
   * An object that the client has put, while its lease lasts. Not to be changed, nor transferred: copy it (`slice`).
   * @throws UsageError when a field of the identity is missing or no number of the wire
   */
  cacheObject(identity: ObjectIdentity): Uint8Array | undefined {
    return this.core.cache.get(identity);
  }

  /**
   * Answers the oldest SESSION_PATCH without an answer.
   *
   * @param ack - what is left out follows from the patch: everything applied as asked, or nothing with a rejectReason
   * @param profilePatchAck - the profile's own data
   * @throws (as a rejection) UsageError when no patch waits for an answer, WireError when the metadata is refused
   */
  sendPatchAck(ack: PatchAckInit = {}, profilePatchAck: BodyInput = NO_BODY): Promise<void> {
    return answering(() => {
      const patch = this.core.pendingPatches.oldest;
      if (patch === undefined) throw new UsageError(`session ${this.sessionId}: no patch waits for an answer`);
      const room = sendPatchAck(this.core, patchAck(patch, ack), profilePatchAck);
      this.core.pendingPatches.answered(patch);
      return room ? SETTLED : this.drained();
    });
  }

  /**
   * Answers the oldest SESSION_MIGRATE without an answer, or the given one.
   *
   * @param ack - acceptCode 0 accepts, any other refuses; what is left out refuses
   * @throws (as a rejection) UsageError when no migration waits, or an acceptance breaks MIG-3 or MIG-4
   */
  sendMigrateAck(request: NnrpMigration, ack: MigrateAckInit = {}): Promise<void> {
    return answering(() => {
      if (!this.core.pendingMigrations.has(request))
        throw new UsageError(`session ${this.sessionId}: the migration does not wait for an answer`);
      const metadata = migrateAck(request, ack);
      checkMigrateAck(request, metadata);
      const room = sendMigrateAck(this.core, metadata);
      this.core.pendingMigrations.answered(request);
      return room ? SETTLED : this.drained();
    });
  }

  /**
   * Tells the client how much it may send: credit, pause, resume, when to retry. Epochs are counted by the runtime.
   * @throws (as a rejection) UsageError for a frame that is not in flight, WireError when a value does not fit
   */
  sendFlowUpdate(update: FlowUpdateInit): Promise<void> {
    return answering(() => {
      const { frameId } = checkFlow(update, 'serverSession');
      this.requireOpen();
      const operation = frameId === undefined ? undefined : this.core.operations.registry.get(frameId);
      if (frameId !== undefined && operation === undefined) throw this.notInFlight(frameId);
      return this.core.sendFlow(update, operation) ? SETTLED : this.drained();
    });
  }

  /**
   * Advises the client about a frame, or about the whole session (frame 0).
   * @returns false when the client would not understand it, and nothing was sent
   */
  sendResultHint(frameId: number, hint: ResultHintInit): Promise<boolean> {
    return answering(() => {
      this.requireOpen();
      if (!this.isAnnounced) return false;
      const { sessionId, lane, connection } = this.core;
      const metadata = withDefaults('result hint', hint, NO_HINT);
      const room = connection.send(MessageType.ResultHint, sessionId, frameId, RESULT_HINT, metadata, undefined, lane);
      return room || this.drained().then(() => true);
    });
  }

  /**
   * Reports a failure that costs nothing by itself: of the session, or of one frame.
   *
   * @param text - for people; cut to 256 bytes
   * @returns false when the client would not understand it, and nothing was sent
   */
  sendError(
    errorCode: number,
    text: string,
    options: { readonly frameId?: number | undefined; readonly retryAfterMs?: number | undefined } = {},
  ): Promise<boolean> {
    return answering(() => {
      checkOptions('error options', options, ERROR_OPTIONS);
      givenText(text);
      this.requireOpen();
      if (!this.isAnnounced) return false;
      const { sessionId, lane, connection } = this.core;
      const { frameId, retryAfterMs = 0 } = options;
      const scope = frameId === undefined ? ErrorScope.Session : ErrorScope.Frame;
      connection.sendError(errorCode, scope, text, { sessionId, lane, frameId: frameId ?? 0, retryAfterMs });
      return this.drained().then(() => true);
    });
  }

  /**
   * Confirms the client's close. Frames in flight get the time that the client gave them (drain) and are dropped
   * then; the session is over when the promise resolves.
   * @throws UsageError (as a rejection) when the client has not asked to close
   */
  ackClose(_close?: NnrpClose): Promise<void> {
    return answering(() => this.core.closing.acknowledge());
  }

  /**
   * Ends the session from this side; confirms the client's close when it has asked for one. Frames in flight get
   * `drainTimeoutMs`, and are dropped then. A client that does not know SESSION_CLOSE from a server is told by the end of
   * the connection, when this was its last session. `closeReport` says what was cut.
   */
  close(options: ServerCloseOptions = {}): Promise<void> {
    return answering(() => this.core.closing.close(options));
  }

  /** What closing has cut so far, from either side; the reports of all sessions are what `NnrpServer.close` gives. */
  get closeReport(): CloseReport {
    return this.core.closing.report;
  }

  /** What leaving an `await using` block does: `close()`, with the defaults. */
  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  /** Plain facts, as logs show them: no payload, no secret. */
  toJSON(): Record<string, unknown> {
    const { sessionId, remoteAddress, lifecycle, inFlightCount, isAnnounced, endReason } = this;
    const { acceptedProfileId: profileId } = this.ack;
    return {
      sessionId,
      remoteAddress,
      profileId,
      lifecycle,
      inFlightCount,
      isAnnounced,
      endReason: endReason?.message,
    };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpServerSession', this.toJSON(), depth, options, inspect);
  }

  private drained(): Promise<void> {
    const { connection, lane, isOver } = this.core;
    return isOver ? SETTLED : connection.whenDrained(lane);
  }

  private requireOpen(): void {
    if (this.core.endReason !== undefined) throw forCaller(this.core.endReason);
  }

  private notInFlight(frameId: number): UsageError {
    return new UsageError(`session ${this.sessionId}: frame ${frameId} is not in flight`);
  }
}
