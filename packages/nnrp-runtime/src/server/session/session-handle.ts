import {
  forCaller,
  INSPECT,
  type Inspect,
  inspected,
  type NnrpError,
  type ObjectIdentity,
  type SchemaRegistry,
  type SessionState,
  shownValue,
  UsageError,
} from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { ErrorScope, MessageType, SessionFlagsAck } from 'nnrp-core/preview3';
import { ASYNC_DISPOSE } from '../../base/application/async-dispose.js';
import { described } from '../../base/application/described.js';
import type { AsyncItems } from '../../base/async-items.js';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { checkFlow } from '../../base/flow-fields.js';
import { oneOf, optionTable, U32 } from '../../base/option-kinds.js';
import { checkArgument, checkOptions, withDefaults } from '../../base/options.js';
import { answering, rejection, SETTLED } from '../../base/promises/settled.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import type { BodyBytes } from '../../connection/body/body-reading.js';
import type { CloseReport } from '../../connection/close-report.js';
import type { SessionControls } from '../../connection/controls/session-controls.js';
import { givenText } from '../../connection/errors/error-text.js';
import type { RevisionName } from '../../connection/revision/revision-name.js';
import { RESULT_HINT } from '../../connection/sending/codecs.js';
import type { ServerCloseOptions } from '../contract/close-options.js';
import type {
  FlowUpdateInit,
  MigrateAckInit,
  NnrpServerSession,
  OperationContext,
  OperationsInFlight,
  PatchAckInit,
  ResultHintInit,
} from '../contract/contract.js';
import type { NnrpServerConfig } from '../contract/server-config.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ResultInit,
  RuntimeSessionRecord,
  ServerSessionEvent,
} from '../contract/server-messages.js';
import type { SessionStats } from '../contract/session-stats.js';
import { type FrameFailure, failureOnPurpose } from '../failures/frame-failure.js';
import { SubmitIterator } from '../inbox/submit-iterator.js';
import type { ServerSessionConnection } from '../operation/server-session-connection.js';
import { ServerSession } from './server-session.js';
import { sessionFacts } from './session-facts.js';

const NO_HINT: preview3.ResultHint = Object.freeze({
  appliedBudgetPolicy: preview3.ResultHintBudgetPolicy.None,
  congestionState: preview3.ResultHintCongestionState.None,
  reason: preview3.ResultHintReason.None,
  retryAfterMs: 0,
});
const HINT_FIELDS = optionTable<ResultHintInit>({
  appliedBudgetPolicy: oneOf('ResultHintBudgetPolicy', preview3.ResultHintBudgetPolicy),
  congestionState: oneOf('ResultHintCongestionState', preview3.ResultHintCongestionState),
  reason: oneOf('ResultHintReason', preview3.ResultHintReason),
  retryAfterMs: U32,
});
const CANCEL_SCOPE = oneOf('CancelScope', preview3.CancelScope);
const ERROR_OPTIONS = optionTable<{ frameId: number; retryAfterMs: number }>({ frameId: U32, retryAfterMs: U32 });

/** A session as the application holds it. */
export class SessionHandle implements NnrpServerSession {
  readonly session: ServerSession;

  constructor(
    connection: ServerSessionConnection,
    open: preview3.SessionOpen,
    ack: preview3.SessionOpenAck,
    config: NnrpServerConfig,
  ) {
    this.session = new ServerSession(this, connection, open, ack, config);
  }

  get sessionId(): number {
    return this.session.sessionId;
  }

  get revision(): RevisionName {
    return this.session.dialect.name;
  }

  get clientOpen(): preview3.SessionOpen {
    return this.session.open;
  }

  get ack(): preview3.SessionOpenAck {
    return described(this.session.ack);
  }

  get state(): SessionState {
    return this.session.lifecycle.state;
  }

  get operations(): OperationsInFlight {
    return this.session.operations.registry;
  }

  get controls(): SessionControls {
    return this.session.controls;
  }

  get cacheObjectCount(): number {
    return this.session.cacheObjectCount;
  }

  get schemas(): SchemaRegistry {
    return this.session.cache.schemas;
  }

  get remoteAddress(): string {
    return this.session.connection.remoteAddress;
  }

  get knowsPeerMessages(): boolean {
    return this.session.connection.knowsPeerMessages;
  }

  get roundTripMs(): number | undefined {
    return this.session.connection.roundTripMs;
  }

  ping(): Promise<number> {
    return answering(() => {
      this.requireOpen();
      if (!this.knowsPeerMessages)
        throw new UsageError(`session ${this.sessionId}: the client has not shown that it knows PING`);
      return this.session.connection.ping(this.session.config.pingTimeoutMs);
    });
  }

  get endReason(): NnrpError | undefined {
    return this.session.endReason;
  }

  get inFlightCount(): number {
    return this.session.operations.registry.size;
  }

  get record(): RuntimeSessionRecord {
    const { ack, operations } = this.session;
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

  isInFlight(frameId: number): boolean {
    return this.session.operations.registry.has(frameId);
  }

  receiveSubmit(): Promise<OperationContext> {
    // The inbox makes promises whose rejection does no harm; another one for each submit would cost time.
    try {
      return this.session.inbox.nextSubmit();
    } catch (error) {
      return rejection(error);
    }
  }

  [Symbol.asyncIterator](): AsyncItems<OperationContext, void> {
    this.session.inbox.requireKinds('for await over the session');
    return new SubmitIterator(this.session.inbox);
  }

  receiveCancel(): Promise<NnrpCancel> {
    return answering(() => this.session.inbox.next('cancel'));
  }

  receivePatch(): Promise<NnrpPatch> {
    return answering(() => this.session.inbox.next('patch'));
  }

  receiveMigrate(): Promise<NnrpMigration> {
    return answering(() => this.session.inbox.next('migrate'));
  }

  receiveClose(): Promise<NnrpClose> {
    return answering(() => this.session.inbox.next('close'));
  }

  events(): AsyncItems<ServerSessionEvent, void> {
    return this.session.inbox.events();
  }

  sendResult(frameId: number, result: ResultInit, body: BodyInput = EMPTY_BYTES): Promise<void> {
    return this.session.operations.sendResult(frameId, result, body);
  }

  sendResultDrop(frameId: number): Promise<void> {
    return this.session.operations.sendResultDrop(frameId);
  }

  cancelOperations(scope: preview3.CancelScope, frameId: number): number[] {
    checkArgument('cancelOperations', 'scope', scope, CANCEL_SCOPE);
    checkArgument('cancelOperations', 'frameId', frameId, U32);
    return this.session.operations.cancel(scope, frameId);
  }

  trackCacheObject(identity: ObjectIdentity): void {
    const full = this.session.cache.track(identity);
    if (full === undefined) return;
    const { maxCacheObjects } = this.session.config;
    const why =
      full === 'cacheObjects' ? `maxCacheObjects is ${maxCacheObjects}, and as many are there` : `${full} is reached`;
    throw new UsageError(`session ${this.sessionId}: ${why}`);
  }

  cacheObject(identity: ObjectIdentity): BodyBytes | undefined {
    return this.session.cache.get(identity) as BodyBytes | undefined;
  }

  sendPatchAck(ack: PatchAckInit = {}, profilePatchAck: BodyInput = EMPTY_BYTES): Promise<void> {
    return answering(
      () => (this.session.patches.answer(ack, profilePatchAck) ? SETTLED : this.drained()),
      ack,
      profilePatchAck,
    );
  }

  sendMigrateAck(request: NnrpMigration, ack: MigrateAckInit = {}): Promise<void> {
    return answering(() => (this.session.migrations.answer(request, ack) ? SETTLED : this.drained()), request, ack);
  }

  sendFlowUpdate(update: FlowUpdateInit): Promise<void> {
    return answering(() => {
      const { frameId } = checkFlow(update, 'serverSession');
      this.requireOpen();
      const operation = frameId === undefined ? undefined : this.session.operations.registry.get(frameId);
      if (frameId !== undefined && operation === undefined) throw this.notInFlight(frameId);
      return this.session.sendFlow(update, operation) ? SETTLED : this.drained();
    }, update);
  }

  sendResultHint(frameId: number, hint: ResultHintInit): Promise<boolean> {
    return answering(() => {
      checkArgument('sendResultHint', 'frameId', frameId, U32);
      const metadata = withDefaults('result hint', hint, NO_HINT, HINT_FIELDS);
      this.requireOpen();
      if (!this.knowsPeerMessages) return false;
      const { sessionId, lane, connection } = this.session;
      const room = connection.send(MessageType.ResultHint, sessionId, frameId, RESULT_HINT, metadata, undefined, lane);
      return room || this.drained().then(() => true);
    }, hint);
  }

  sendError(
    errorCode: number,
    text: string,
    options: { readonly frameId?: number | undefined; readonly retryAfterMs?: number | undefined } = {},
  ): Promise<boolean> {
    return answering(() => {
      checkArgument('sendError', 'errorCode', errorCode, U32);
      checkOptions('error options', options, ERROR_OPTIONS);
      givenText(text);
      this.requireOpen();
      if (!this.knowsPeerMessages) return false;
      const { sessionId, lane, connection } = this.session;
      const { frameId, retryAfterMs = 0 } = options;
      const scope = frameId === undefined ? ErrorScope.Session : ErrorScope.Frame;
      connection.sendError(errorCode, scope, text, { sessionId, lane, frameId: frameId ?? 0, retryAfterMs });
      return this.drained().then(() => true);
    }, options);
  }

  ackClose(_close?: NnrpClose): Promise<void> {
    return answering(() => this.session.closing.acknowledge());
  }

  close(options: ServerCloseOptions = {}): Promise<void> {
    return answering(() => this.session.closing.close(options), options);
  }

  endWith(error: Error): Promise<void> {
    return answering(() => this.session.closing.endWith(failureGiven('endWith', error)));
  }

  failFrame(frameId: number, error: Error): boolean {
    checkArgument('failFrame', 'frameId', frameId, U32);
    return this.session.operations.failFrame(frameId, failureGiven('failFrame', error));
  }

  stats(): SessionStats {
    return sessionFacts(this.session);
  }

  get closeReport(): CloseReport {
    return this.session.closing.report;
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }

  toJSON(): Record<string, unknown> {
    const { sessionId, remoteAddress, state, inFlightCount, knowsPeerMessages, endReason } = this;
    const { acceptedProfileId: profileId } = this.ack;
    return {
      sessionId,
      remoteAddress,
      profileId,
      state,
      inFlightCount,
      knowsPeerMessages,
      endReason: endReason?.message,
    };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpServerSession', this.toJSON(), depth, options, inspect);
  }

  private drained(): Promise<void> {
    const { connection, lane, isOver } = this.session;
    return isOver ? SETTLED : connection.whenDrained(lane);
  }

  private requireOpen(): void {
    if (this.session.endReason !== undefined) throw forCaller(this.session.endReason);
  }

  private notInFlight(frameId: number): UsageError {
    return new UsageError(`session ${this.sessionId}: frame ${frameId} is not in flight`);
  }
}

/** What the client is told. @throws UsageError unless it is a HandlerError */
function failureGiven(call: string, error: unknown): FrameFailure {
  const failure = failureOnPurpose(error);
  if (failure === undefined) throw new UsageError(`${call}: error takes a HandlerError, got ${shownValue(error)}`);
  return failure;
}
